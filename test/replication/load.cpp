// Clients of a store on several servers, while somebody fails over between these:
//
//   replication_load lossless|lossy STORE FOLDER HOST:PORT...
//
// Writers append through the SDK and send again, by append id, what is in doubt; a consumer and one follower for each server react. FOLDER/acknowledged tells how
// many appends have been; when FOLDER/stop is there they end, and what they know is held against the log. "lossless" says that no acknowledged append may be
// missing then; anything else that is wrong is a failure in either case: "ok" or "not ok" lines, and the exit code.

#include "follower.hpp"
#include "ledger.hpp"

#include <dcb/error.hpp>
#include <dcb/observer.hpp>
#include <dcb/raw_store.hpp>

#include <filesystem>
#include <fstream>
#include <random>

namespace {

using namespace replication;
using namespace std::chrono_literals;

dcb::event_query tagged(const std::string& tag) { return dcb::event_query{{.tags = {tag}}}; }

struct counting final : dcb::observer {
  explicit counting(ledger& known) : known(known) {}
  void in_doubt_resolved(const dcb::call_report&) noexcept override { ++known.resolved; }
  ledger& known;
};

class writer {
 public:
  writer(int number, const std::string& conninfo, const std::string& store, bool lossless, unsigned seed, ledger& known)
      // A former primary that knows nothing of the new one answers and confirms nothing: only a new connection finds another.
      : store_(conninfo, store,
               {.pool = {.max_connections = 1, .connect_timeout = 1s, .reconnect_timeout = 3s, .max_age = 5s}, .cancel_grace = 300ms, .resolve_timeout = 5s, .watch = std::make_shared<counting>(known)}),
        name_(std::to_string(number)),
        lossless_(lossless),
        random_(seed + number),
        known_(known) {}

  void write() {
    for (int n = 0; !known_.done; ++n) {
      const std::string event = name_ + ":" + std::to_string(n);
      known_.attempt(event);
      switch (random_() % 3) {
        case 0: settle(event, {"any"}, {}); break;
        case 1: append_own(event); break;
        default: decide_hot(event);
      }
    }
  }

 private:
  // Nobody else writes under this tag, so what was acknowledged last is the last.
  void append_own(const std::string& event) {
    const auto position = settle(event, {"own:" + name_}, dcb::append_condition{tagged("own:" + name_), own_});
    if (position) own_ = *position;
    else if (lossless_) known_.fail("an event of writer " + name_ + " is not what it was told");
    else if (const auto last = ask([&] { return store_.last(tagged("own:" + name_), {.timeout = 2s}); })) own_ = last->value_or(0);
  }

  void decide_hot(const std::string& event) {
    std::int64_t after = 0;
    std::string former;
    const auto read = ask([&] {
      return store_.read(tagged("hot"), {.max_count = 1, .backwards = true}, [&](const dcb::recorded_event& last) {
        after = last.position;
        former = last.data.substr(1, last.data.size() - 2);
        return true;
      }, {.timeout = 2s});
    });
    if (!read) return;
    known_.expect_after(event, former);
    settle(event, {"hot"}, dcb::append_condition{tagged("hot"), after});
  }

  // Sent until the store has said what became of it.
  std::optional<std::int64_t> settle(const std::string& event, std::vector<std::string> tags, std::optional<dcb::append_condition> condition) {
    const dcb::new_event sent{.type = "Noted", .data = '"' + event + '"', .tags = std::move(tags)};
    const auto id = dcb::uuid::random();
    while (true) try {
        const auto position = store_.append({&sent, 1}, condition, {.append_id = id, .timeout = 2s});
        known_.acknowledge(position, event);
        return position;
      } catch (const dcb::conflict&) {
        known_.refuse(event);
        return {};
      } catch (const dcb::error& e) {
        if (e.sqlstate() == "DCB09") {
          ++known_.beyond_head;
          if (lossless_) known_.fail("what was read is beyond the head: " + std::string{e.detail()});
          known_.refuse(event);
          return {};
        }
        if (e.in_doubt()) ++known_.doubts;
        if (!e.in_doubt() && !is_of_the_moment(e)) {
          known_.fail("append: " + std::string{e.sqlstate()} + " " + e.what());
          return {};
        }
        if (gave_up()) return {};
      }
  }

  template <class Question>
  auto ask(const Question& question) -> std::optional<decltype(question())> {
    while (!gave_up()) try {
        return question();
      } catch (const dcb::error& e) {
        if (is_of_the_moment(e)) continue;
        known_.fail("question: " + std::string{e.sqlstate()} + " " + e.what());
        return {};
      }
    return {};
  }

  // No server can be reached, or the one that can is not the primary yet.
  static bool is_of_the_moment(const dcb::error& e) {
    return e.retryable() || dynamic_cast<const dcb::timeout*>(&e) || dynamic_cast<const dcb::cancelled*>(&e) || e.sqlstate() == "25006";
  }
  bool gave_up() const { return known_.done; }

  dcb::raw_store store_;
  std::string name_;
  bool lossless_;
  std::mt19937 random_;
  ledger& known_;
  std::int64_t own_ = 0;
};

// The servers from one on, in turn: where two of them take themselves for the primary, not all clients go to the same.
std::string conninfo(const std::vector<std::string>& nodes, std::size_t first, std::size_t wanted) {
  std::string hosts, ports;
  for (std::size_t i = 0; i < wanted; ++i) {
    const std::string& node = nodes[(first + i) % nodes.size()];
    const auto colon = node.rfind(':');
    hosts += (i == 0 ? "" : ",") + node.substr(0, colon);
    ports += (i == 0 ? "" : ",") + node.substr(colon + 1);
  }
  return "host=" + hosts + " port=" + ports + " connect_timeout=2";
}

history log_of(race::session& s, const std::string& sql, const std::string& store) {
  history log;
  for (const auto& row : s.must(sql, {store}).rows) log.emplace(std::stoll(row[0]), row[1]);
  return log;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 5) return 2;
  const bool lossless = std::string{arguments[1]} == "lossless";
  const std::string store = arguments[2];
  const std::filesystem::path folder = arguments[3];
  const std::vector<std::string> nodes(arguments + 4, arguments + count);
  const char* const given = std::getenv("REPLICATION_SEED");
  const unsigned seed = given ? std::stoul(given) : std::random_device{}();
  std::cout << "# REPLICATION_SEED=" << seed << std::endl;

  const std::string all = conninfo(nodes, 0, nodes.size());
  ledger known;
  std::vector<follower> followers;
  for (std::size_t i = 0; i < nodes.size(); ++i) followers.emplace_back(conninfo(nodes, i, 1), store, known);
  std::vector<std::thread> threads;
  const char* const wanted = std::getenv("REPLICATION_WRITERS");
  for (int number = 0; number < (wanted ? std::stoi(wanted) : 6); ++number)
    threads.emplace_back([&, number] { writer(number, conninfo(nodes, number, nodes.size()), store, lossless, seed, known).write(); });
  for (auto& each : followers) threads.emplace_back([&each] { each.follow(); });
  threads.emplace_back([&] { consume(all, store, known); });
  while (!exists(folder / "stop")) {
    std::ofstream(folder / "acknowledged.new") << known.acknowledgements;
    rename(folder / "acknowledged.new", folder / "acknowledged");
    std::this_thread::sleep_for(20ms);
  }
  known.done = true;
  for (auto& thread : threads) thread.join();

  race::session s(all + " target_session_attrs=read-write");
  const auto log = log_of(s, "SELECT position, data#>>'{}' FROM dcb.read($1)", store);
  known.judge(log, log_of(s, "SELECT position, data#>>'{}' FROM dcb.read($1, dcb.query(tags => '{hot}'))", store), lossless);
  for (auto& each : followers) {
    each.finish(log.empty() ? 0 : log.rbegin()->first);
    if (each.effects() != log) known.fail("a follower's effects are not those of the log");
  }
  // The consumer's own last batches, then each event once.
  ledger rest;
  std::thread consuming([&] { consume(all, store, rest); });
  while (s.must("SELECT position < dcb.head($1) FROM " + store + ".checkpoint", {store}).value() == "t") std::this_thread::sleep_for(10ms);
  rest.done = true;
  consuming.join();
  if (s.must("SELECT count(*) FROM effect").number() != std::ssize(log)) known.fail("an event had no effect in the database, or more than one");
  if (log_of(s, "SELECT position, event FROM effect WHERE $1 <> ''", store) != log) known.fail("effects in the database are not those of the log");
  for (const auto& row : s.must("SELECT v::text FROM dcb.verify($1) AS v LIMIT 5", {store}).rows) known.fail("dcb.verify: " + row[0]);
  if (known.failures() == 0) std::cout << "ok what clients know and what the log has is the same" << std::endl;
  return known.failures() == 0 ? 0 : 1;
}
