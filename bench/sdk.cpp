// What the SDK costs its process: CPU per decision, beside the same decision in bare libpq calls, in turns. `bench/sdk` builds and runs it.
//
// The decision: a coupon with ten events, read by one tag, and one more of it appended on the condition that there are no further ones, with an
// append id. Both sides send the same two prepared statements, in binary, over a blocking wait, and decode each event's data with simdjson into a
// struct. The bare one is written for this decision alone: one connection that it owns, events of two types, no time limit, no retry, and only the
// columns that it needs are looked at.
//
//   dcb_bench_sdk             CPU of either side, and the ratio
//   dcb_bench_sdk sdk|bare    one side's decisions and nothing else to count: for callgrind (bench/sdk instructions)

#include <dcb/dcb.hpp>

#include <libpq-fe.h>
#include <simdjson.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int coupons = 1000, applied_before = 9, rounds = 9;

struct CouponEmitted {
  dcb::id<> coupon_id;
  std::int64_t quantity;
};
struct CouponApplied {
  dcb::id<> coupon_id, user_id;
};
using Event = std::variant<CouponEmitted, CouponApplied>;

struct Coupon {
  dcb::id<> coupon_id;
  std::int64_t left = 0;
  void apply(const CouponEmitted& e) { left += e.quantity; }
  void apply(const CouponApplied&) { --left; }
};

struct ApplyCoupon {
  std::string coupon_id, user_id;
  auto states() const { return Coupon{coupon_id}; }
  dcb::decided<Event, bool> decide(const Coupon& coupon) const {
    if (coupon.left == 0) return false;
    return CouponApplied{coupon_id, user_id};
  }
};

class bare {
 public:
  explicit bare(std::string store) : store_(std::move(store)), connection_(PQconnectdb("")) {
    if (PQstatus(connection_) != CONNECTION_OK) fail();
    prepare("read",
            "SELECT log.watermark, e.position, e.type, e.tags, e.data, e.payload, e.metadata, e.id, e.recorded_at "
            "FROM (SELECT dcb.watermark($1::text) AS watermark OFFSET 0) log "
            "LEFT JOIN dcb.read($1::text, $2::dcb.query, $3::bigint, $4::bigint, $5::boolean, $6::bigint) e ON true");
    prepare("submit", "CALL dcb.submit($1::text, $2::dcb.new_event[], $3::dcb.query, $4::bigint, $5::uuid, NULL::bigint)");
    PGresult* const answer = PQexec(connection_, "SELECT 'dcb.new_event'::regtype::oid");
    new_event_ = static_cast<std::uint32_t>(std::strtoul(PQgetvalue(answer, 0, 0), nullptr, 10));
    PQclear(answer);
  }
  ~bare() { PQfinish(connection_); }
  bare(const bare&) = delete;
  bare& operator=(const bare&) = delete;

  void decide(const std::string& coupon, const std::string& user) {
    const auto tag = "coupon_id:" + coupon;
    const auto query = query_of(tag);
    PGresult* answer = run("read", {store_, query, number(0, 8), {}, std::string(1, '\0'), {}});
    std::int64_t left = 0, upto = get(PQgetvalue(answer, 0, 0));
    for (int i = 0; i < PQntuples(answer); ++i) {
      if (PQgetisnull(answer, i, 1)) continue;
      upto = std::max(upto, get(PQgetvalue(answer, i, 1)));
      auto data = document_of({PQgetvalue(answer, i, 4) + 1, static_cast<std::size_t>(PQgetlength(answer, i, 4)) - 1});
      if (std::strcmp(PQgetvalue(answer, i, 2), "CouponEmitted") == 0) {
        CouponEmitted event{};
        event.coupon_id = std::string{std::string_view{data["coupon_id"]}};
        event.quantity = data["quantity"];
        left += event.quantity;
      } else {
        CouponApplied event{};
        event.user_id = std::string{std::string_view{data["user_id"]}};
        event.coupon_id = std::string{std::string_view{data["coupon_id"]}};
        --left;
      }
    }
    PQclear(answer);
    if (left == 0) throw std::runtime_error{"the coupons are used up"};
    PQclear(run("submit", {store_, event_of(coupon, user, tag), query, number(upto, 8), id()}));
  }

 private:
  [[noreturn]] void fail() { throw std::runtime_error{PQerrorMessage(connection_)}; }
  void prepare(const char* name, const char* sql) {
    PGresult* const answer = PQprepare(connection_, name, sql, 0, nullptr);
    if (PQresultStatus(answer) != PGRES_COMMAND_OK) fail();
    PQclear(answer);
  }
  PGresult* run(const char* name, std::initializer_list<std::optional<std::string>> values) {
    std::array<const char*, 6> texts{};
    std::array<int, 6> lengths{}, formats{1, 1, 1, 1, 1, 1};
    std::size_t i = 0;
    for (const auto& value : values) {
      texts[i] = value ? value->data() : nullptr;
      lengths[i++] = value ? static_cast<int>(value->size()) : 0;
    }
    PGresult* const answer = PQexecPrepared(connection_, name, static_cast<int>(values.size()), texts.data(), lengths.data(), formats.data(), 1);
    if (PQresultStatus(answer) != PGRES_TUPLES_OK) fail();
    return answer;
  }
  simdjson::ondemand::document document_of(std::string_view json) {
    json_.reserve(json.size() + simdjson::SIMDJSON_PADDING);
    json_ = json;
    return parser_.iterate(json_, json_.capacity());
  }

  static std::string number(std::int64_t value, int bytes) {
    std::string out;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
    return out;
  }
  static std::int64_t get(const char* bytes) {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return static_cast<std::int64_t>(value);
  }
  static std::string sized(const std::string& value) { return number(static_cast<std::int64_t>(value.size()), 4) + value; }
  static std::string short_text(std::string_view value) { return number(static_cast<std::int64_t>(value.size()), 2) + std::string{value}; }
  static std::string id() {
    const auto random = dcb::uuid::random();
    return {reinterpret_cast<const char*>(random.bytes.data()), random.bytes.size()};
  }

  static std::string query_of(const std::string& tag) {
    return number(1, 1) + number(1, 2) + number(0, 1) + number(2, 2) + short_text("CouponApplied") + short_text("CouponEmitted") + number(0, 2) +
           number(1, 2) + short_text(tag);
  }
  std::string event_of(const std::string& coupon, const std::string& user, const std::string& tag) const {
    const auto tags = number(1, 4) + number(0, 4) + number(25, 4) + number(2, 4) + number(1, 4) + sized(tag) + sized("user_id:" + user);
    const auto data = "\1{\"coupon_id\":\"" + coupon + "\",\"user_id\":\"" + user + "\"}";
    const auto row = number(6, 4) + number(25, 4) + sized("CouponApplied") + number(3802, 4) + sized(data) + number(1009, 4) + sized(tags) +
                     number(3802, 4) + number(-1, 4) + number(17, 4) + number(-1, 4) + number(2950, 4) + number(-1, 4);
    return number(1, 4) + number(0, 4) + number(new_event_, 4) + number(1, 4) + number(1, 4) + sized(row);
  }

  const std::string store_;
  PGconn* connection_;
  std::uint32_t new_event_ = 0;
  simdjson::ondemand::parser parser_{};
  std::string json_{};
};

using Maker = dcb::decision_maker<Event>;

// Not inlined, so that callgrind can tell them by their names.
[[gnu::noinline]] void decide_by_hand(bare& with, const std::string& coupon, const std::string& user) { with.decide(coupon, user); }
[[gnu::noinline]] void decide_by_sdk(const Maker& with, const std::string& coupon, const std::string& user) {
  if (!with.make(ApplyCoupon{coupon, user})) throw std::runtime_error{"the coupons are used up"};
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Of all processes and the kernel: with nothing else running, of client and server.
double machine_cpu_seconds() {
  std::ifstream file{"/proc/stat"};
  std::string name;
  double user, nice, system, idle, waiting, interrupts, soft_interrupts;
  file >> name >> user >> nice >> system >> idle >> waiting >> interrupts >> soft_interrupts;
  return (user + nice + system + interrupts + soft_interrupts) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// Microseconds of CPU for each decision of a round.
struct cost {
  double client, machine;
};
cost measure(int round, const std::function<void(const std::string&, const std::string&)>& decide) {
  const auto user = "user-" + std::to_string(round);
  const auto client = cpu_seconds(), machine = machine_cpu_seconds();
  for (int i = 0; i < coupons; ++i) decide("c" + std::to_string(i), user);
  return {(cpu_seconds() - client) / coupons * 1e6, (machine_cpu_seconds() - machine) / coupons * 1e6};
}

// Coupons as they are before any round: every round of either side finds as many events.
std::string filled_store(const std::string& name) {
  dcb::store<Event> store{"", name};
  auto creation = store.log().begin();
  creation.exec("SELECT dcb.create_store($1)", name);
  creation.commit();
  std::vector<Event> events;
  for (int i = 0; i < coupons; ++i) {
    events.push_back(CouponEmitted{"c" + std::to_string(i), 1'000'000});
    for (int n = 0; n < applied_before; ++n) events.push_back(CouponApplied{"c" + std::to_string(i), "user"});
  }
  store.append(events);
  return name;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char** arguments) try {
  const std::string only = count > 1 ? arguments[1] : "";
  dcb::store<Event> store{"", filled_store("sdk_overhead" + only)};
  const Maker maker{store};
  bare by_hand{only.empty() ? filled_store("sdk_overhead_bare") : "sdk_overhead" + only};
  const auto with_sdk = [&](const std::string& coupon, const std::string& user) { decide_by_sdk(maker, coupon, user); };
  const auto with_libpq = [&](const std::string& coupon, const std::string& user) { decide_by_hand(by_hand, coupon, user); };
  if (!only.empty()) return measure(0, only == "sdk" ? std::function{with_sdk} : std::function{with_libpq}), 0;

  std::vector<cost> sdk, libpq;
  for (int round = -1; round < rounds; ++round) {  // the first one warms up
    const bool first = round % 2 == 0;
    const auto before = first ? measure(round, with_sdk) : cost{};
    const auto by_libpq = measure(round, with_libpq);
    const auto by_sdk = first ? before : measure(round, with_sdk);
    if (round < 0) continue;
    sdk.push_back(by_sdk);
    libpq.push_back(by_libpq);
  }
  std::puts("Either side, for each decision: one statement that reads watermark and 10 to 19 events, decoded with simdjson and folded; one CALL of\n"
            "dcb.submit with condition and append id; both prepared and binary. The SDK besides: pool, limits, retry, all columns of an event.");
  std::printf("CPU per decision, 1 client, %d rounds of %d:\n", rounds, coupons);
  const auto compare = [&](const char* whose, double cost::*figure) {
    std::vector<double> ours, theirs, ratios;
    for (std::size_t i = 0; i < sdk.size(); ++i) {
      ours.push_back(sdk[i].*figure);
      theirs.push_back(libpq[i].*figure);
      ratios.push_back(ours.back() / theirs.back());
    }
    std::printf("  %s: SDK %.1f us, bare libpq %.1f us; ratio %.2f (%.2f to %.2f)\n", whose, median(ours), median(theirs), median(ratios),
                *std::ranges::min_element(ratios), *std::ranges::max_element(ratios));
  };
  compare("of the client", &cost::client);
  compare("of client and server, if nothing else runs on the machine", &cost::machine);
  return 0;
} catch (const std::exception& failure) {
  std::fprintf(stderr, "%s\n", failure.what());
  return 1;
}
