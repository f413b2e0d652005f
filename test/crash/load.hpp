// Load on a store, and the account of it: what was sent, acknowledged, refused, shown. It goes on through whatever happens to the server, and says afterwards
// whether the store holds what it has to:
//
//   acknowledged ⊆ stored ⊆ attempted, nothing refused or rolled back is stored, nothing twice, positions without gaps;
//   what dcb.read, dcb.watermark or dcb.poll showed is what is stored there;
//   each event had its effect once, by a consumer whose own commits are not always flushed, and by the worker's projection;
//   an event and the caller's own row were stored together or not at all; each due command was executed once; dcb.verify finds nothing.
//
// Every other writer runs with synchronous_commit off: its events may be lost, nobody else's, and none that somebody was shown. Now and then all that flushes
// rests for a moment, but for one who reads, or one writer among those who do not care: what he is told then is durable only if his own call made it so. On a server where synchronous_commit is off, that
// is, and the writer of the log slow.
#pragma once

#include "../race/session.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <mutex>

namespace crash {

class load {
 public:
  explicit load(std::uint32_t seed);  // makes the store; the threads begin with start()
  ~load();

  void start();
  void stop();               // returns when everything in doubt is resolved
  void advance(int more);    // waits for so many more acknowledgements, and until reader and consumer have got something since; or for a problem
  void be_refused(int more); // waits for so many more appends that fail while their session goes on

  std::vector<std::string> check();  // stopped: what is wrong
  std::string account() const;       // the figures, in one line
  std::string errors() const;        // what appends were refused with, in one line

 private:
  enum class fate : char { open, acknowledged, refused };
  struct entry {
    fate known = fate::open;
    std::int64_t position = 0;  // 0: acknowledged without being told
  };
  using positions = std::map<std::int64_t, int>;

  enum class lull : char { none, reader_alone, consumer_alone, writer_alone };

  std::unique_ptr<race::session> connect(bool durable = true) const;
  void run(std::function<void(std::mt19937&)> work);

  int attempt();
  void settle(const std::vector<int>& numbers, fate known, const std::vector<std::int64_t>& positions = {});
  void refuse(const std::vector<int>& numbers, const race::answer& why);

  void write(std::mt19937& random, int writer);
  void append(race::session& s, std::mt19937& random, bool durable);
  void append_with_id(std::unique_ptr<race::session>& s, std::mt19937& random);
  void append_many(race::session& s, bool durable);
  void append_with_row(race::session& s, std::mt19937& random, bool durable);
  void schedule(race::session& s, std::mt19937& random, bool durable);
  bool may_go_on(lull alone) const { return lull_ == lull::none || lull_ == alone; }
  void rest_at_times(std::mt19937& random);
  void read(std::mt19937& random);
  void consume(std::mt19937& random);
  bool consume_batch(race::session& s, std::mt19937& random);
  void show(positions& where, const race::answer& page);

  void check_stored(race::session& s);
  void check_effects(race::session& s);
  void problem(const std::string& what);
  std::string table(const char* name) const { return "\"" + store_ + "\"." + name; }

  const std::uint32_t seed_;
  std::string store_;
  bool preloaded_ = false;
  std::atomic<bool> done_{true}, troubled_{false};
  std::atomic<lull> lull_{lull::none};
  std::atomic<int> acknowledgements_{0}, refusals_{0}, reads_{0}, batches_{0};
  std::vector<std::thread> threads_;
  unsigned started_ = 0;  // threads so far, for their seeds

  mutable std::mutex mutex_;
  std::vector<entry> entries_;  // by the number that an event carries
  positions shown_, handed_;
  std::map<std::string, int> errors_;
  std::vector<std::string> problems_;
  std::int64_t stored_ = 0;
};

}  // namespace crash
