#include "steady.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>

namespace memory {
namespace {

constexpr int most_rounds = 15;
constexpr int enough = 2;  // of rounds without growth, one after the other: a cache that is thrown away may hide what grows in one

class reporting : public testing::Environment {
 public:
  void TearDown() override {
    std::cout << "memory: " << done.single << " events appended one by one, " << done.in_batches << " in batches, " << done.read << " events read, "
              << done.errors << " errors" << std::endl;
  }
};
[[maybe_unused]] const auto* const reports = testing::AddGlobalTestEnvironment(new reporting);

}  // namespace

totals done;

int operations() {
  const char* const wanted = std::getenv("MEMORY_ROUND");
  return wanted == nullptr ? 200 : std::atoi(wanted);
}

measure contexts_of(race::session& s) {
  return {"contexts of session " + std::to_string(s.backend()), [&s] { return s.must("SELECT sum(used_bytes) FROM pg_backend_memory_contexts").number(); }};
}

measure private_to(int process) {
  return {"process " + std::to_string(process), [process] {
            std::ifstream file{"/proc/" + std::to_string(process) + "/status"};
            for (std::string line; std::getline(file, line);)
              if (line.rfind("RssAnon:", 0) == 0) return std::atoll(line.c_str() + 8) * std::int64_t{1024};
            throw race::unexpected("no process " + std::to_string(process));
          }};
}

measure contexts_of(int process) {
  return {"contexts of process " + std::to_string(process), [process] {
            using namespace std::chrono_literals;
            race::session s;
            const std::string log = s.must("SELECT current_setting('unix_socket_directories') || '/log'").value();
            const std::string start = s.must("SELECT (pg_stat_file($1)).size", {log}).value();
            const std::string end = "\\[" + std::to_string(process) + "\\] LOG:  Grand total: [^\n]*; (\\d+) used";
            s.must("SELECT pg_log_backend_memory_contexts($1)", {std::to_string(process)});
            for (const auto deadline = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < deadline; std::this_thread::sleep_for(5ms))
              if (const auto told = s.must("SELECT (regexp_match(pg_read_file($1, $2, 10000000), $3))[1]", {log, start, end}); !told.value().empty())
                return told.number();
            throw race::unexpected("process " + std::to_string(process) + " does not tell its memory contexts");
          }};
}

void expect_steady(const std::vector<measure>& measures, const std::function<void()>& round) {
  struct seen {
    std::int64_t last = 0;
    std::string all;
    int rounds_without_growth = 0;
  };
  std::vector<seen> found(measures.size());
  for (int i = 0; i <= most_rounds; ++i) {
    round();
    bool all_steady = true;
    for (std::size_t m = 0; m < measures.size(); ++m) {
      auto& [last, all, without_growth] = found[m];
      const auto now = measures[m].bytes();
      if (without_growth < enough) without_growth = i > 0 && now <= last ? without_growth + 1 : 0;
      all += (i > 0 ? ", " : "") + std::to_string(now);
      last = now;
      all_steady = all_steady && without_growth == enough;
    }
    if (all_steady) return;
  }
  for (std::size_t m = 0; m < measures.size(); ++m) EXPECT_EQ(found[m].rounds_without_growth, enough) << measures[m].of << " goes on growing: " << found[m].all;
}

void expect_steady(race::session& s, int count, const std::function<void()>& operation) {
  expect_steady({contexts_of(s), private_to(s.backend())}, [&] {
    for (int i = 0; i < count; ++i) operation();
  });
}

void expect_steady(race::session& s, const std::function<void()>& operation) { expect_steady(s, operations(), operation); }

counted_store::~counted_store() {
  try {
    const auto appended = race::session().must("SELECT dcb.head($1)", {name()}).number() - filled_;
    (in_batches_ ? done.in_batches : done.single) += appended;
    done.in_batches += filled_;
  } catch (const race::unexpected& failure) {
    ADD_FAILURE() << failure.what();
  }
}

}  // namespace memory
