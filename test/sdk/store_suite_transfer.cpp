// Export and import.
#include "store_suite.hpp"

#include <dcb/export_import.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace {

class transfer_test : public log_test {
 protected:
  static std::string exported(dcb::event_log& from, const dcb::export_options& options = {}) {
    std::ostringstream lines;
    dcb::export_events(from, lines, options);
    return lines.str();
  }
  dcb::transfer_progress imported(const std::string& lines, const dcb::import_options& options = {}) {
    std::istringstream from{lines};
    return dcb::import_events(*log, from, options);
  }

  // Ten events with everything that an event can hold.
  static void fill(dcb::event_log& into) {
    for (int i = 0; i < 10; ++i) {
      dcb::new_event event{.type = i % 2 ? "Odd \"é\"" : "Even", .data = R"({"n": )" + std::to_string(i) + R"(, "text": "a\nb \\ 😀"})"};
      event.tags = {"n:" + std::to_string(i), "all:\"\\\t"};
      if (i % 3 == 0) event.payload = std::vector<std::byte>(static_cast<std::size_t>(i), std::byte{0xff});
      if (i % 4 == 0) event.metadata = R"({"by": [1, 2.50, 12345678901234567890123]})";
      if (i % 5 == 0) event.id = dcb::uuid::random();
      into.append(std::vector{event});
    }
  }
  static std::vector<dcb::recorded_event> contents(dcb::event_log& of) {
    std::vector<dcb::recorded_event> all;
    of.read(dcb::event_query::all(), {}, [&](const dcb::recorded_event& event) { return all.push_back(event), true; });
    return all;
  }
  static void expect_same(const std::vector<dcb::recorded_event>& one, const std::vector<dcb::recorded_event>& other) {
    ASSERT_EQ(one.size(), other.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
      auto alike = other[i];
      alike.recorded_at = one[i].recorded_at;
      EXPECT_EQ(one[i], alike) << i;
    }
  }
};

TEST_P(transfer_test, an_export_brings_back_the_log) {
  const auto source = GetParam().make();
  fill(*source);
  const auto done = imported(exported(*source), {.numbering = dcb::positions::kept, .batch = 3});
  EXPECT_EQ(done.events, 10);
  EXPECT_EQ(done.position, 10);
  expect_same(contents(*source), contents(*log));
}

TEST_P(transfer_test, a_line_is_as_documented) {
  dcb::recorded_event event{.position = 7, .type = "A", .tags = {"t:1", "u:\""}, .data = "{\"n\":\n1}"};
  event.recorded_at = dcb::timestamp{std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + std::chrono::microseconds{3'723'000'045}};
  EXPECT_EQ(dcb::to_line(event), R"({"position":7,"type":"A","tags":["t:1","u:\""],"data":{"n": 1},"recorded_at":"2026-11-21T01:02:03.000045Z"})");
  event.payload = std::vector{std::byte{1}};
  event.metadata = "null";
  event.id = dcb::uuid::from_string("0198a5b0-1111-7222-8333-444444444444");
  EXPECT_EQ(dcb::to_line(event), R"({"position":7,"type":"A","tags":["t:1","u:\""],"data":{"n": 1},"payload":"AQ==","metadata":null,)"
                                 R"("id":"0198a5b0-1111-7222-8333-444444444444","recorded_at":"2026-11-21T01:02:03.000045Z"})");
}

TEST_P(transfer_test, a_part_of_the_log) {
  fill(*log);
  auto positions_in = [&](const dcb::export_options& options) {
    std::istringstream lines{exported(*log, options)};
    positions all;
    for (std::string line; std::getline(lines, line);) all.push_back(std::stol(line.substr(line.find(':') + 1)));
    return all;
  };
  EXPECT_EQ(positions_in({.upto = 3}), (positions{1, 2, 3}));
  EXPECT_EQ(positions_in({.after = 8}), (positions{9, 10}));
  EXPECT_EQ(positions_in({.query = types({"Even"}), .after = 3, .upto = 8}), (positions{5, 7}));
}

TEST_P(transfer_test, is_appended_to_what_is_there) {
  const auto source = GetParam().make();
  fill(*source);
  append("First");
  const auto done = imported(exported(*source, {.query = types({"Even"})}));
  EXPECT_EQ(done.position, 6);
  EXPECT_EQ(contents(*log)[1].data, contents(*source)[0].data);
}

TEST_P(transfer_test, is_repeated_without_effect) {
  const auto source = GetParam().make();
  fill(*source);
  const auto lines = exported(*source);
  const dcb::import_options kept{.numbering = dcb::positions::kept, .batch = 4};
  imported(lines, kept);
  EXPECT_EQ(imported(lines, kept).position, 10);
  EXPECT_EQ(log->head(), 10);

  imported(lines, {.batch = 4, .name = "once more"});
  EXPECT_EQ(log->head(), 20);
}

TEST_P(transfer_test, goes_on_where_it_broke_off) {
  const auto source = GetParam().make();
  fill(*source);
  const auto lines = exported(*source);
  const auto sixth = [&] {
    std::size_t at = 0;
    for (int i = 0; i < 6; ++i) at = lines.find('\n', at) + 1;
    return at;
  }();
  std::string broken = lines;
  broken.insert(sixth, "{broken");
  EXPECT_THROW(imported(broken, {.batch = 4}), dcb::decode_error);
  EXPECT_EQ(log->head(), 6) << "what stands before the broken line";
  EXPECT_EQ(imported(lines, {.batch = 2}).position, 16) << "batches of another size are other batches";
}

TEST_P(transfer_test, is_resumed_without_repetition) {
  const auto source = GetParam().make();
  fill(*source);
  const auto lines = exported(*source);
  for (const auto numbering : {dcb::positions::renumbered, dcb::positions::kept}) {
    const auto target = GetParam().make();
    const dcb::import_options options{.numbering = numbering, .batch = 2};
    auto broken_off = options;
    broken_off.progress = [](const dcb::transfer_progress& done) {
      if (done.events == 6) throw dcb::connection_error{"gone", {.retryable = true}};
    };
    std::istringstream first{lines}, second{lines};
    EXPECT_THROW(dcb::import_events(*target, first, broken_off), dcb::connection_error);
    EXPECT_EQ(target->head(), 6);
    dcb::import_events(*target, second, options);
    expect_same(contents(*source), contents(*target));
  }
}

TEST_P(transfer_test, keeps_positions_or_refuses) {
  const auto source = GetParam().make();
  fill(*source);
  const dcb::import_options kept{.numbering = dcb::positions::kept, .batch = 4};
  EXPECT_EQ(refusal([&] { imported(exported(*source, {.after = 3}), kept); }), "DCB09") << "the log ends before the file begins";
  append("Another");
  EXPECT_EQ(refusal([&] { imported(exported(*source), kept); }), "DCB01") << "the log has more than the file expects";
  EXPECT_EQ(log->head(), 1);
  EXPECT_EQ(imported(exported(*source, {.after = 1}), kept).position, 10) << "the file goes on where the log ends";
  EXPECT_THROW(imported(R"({"position":11,"type":"A"})"
                        "\n"
                        R"({"position":13,"type":"A"})",
                        kept),
               dcb::decode_error);
  EXPECT_THROW(imported(R"({"type":"A"})", kept), dcb::decode_error);
}

TEST_P(transfer_test, origin) {
  imported(R"({"position":7,"type":"A","recorded_at":"2020-01-01T00:00:00Z","metadata":{"by":"ann"}})"
           "\n"
           R"({"type":"A"})",
           {.with_origin = true});
  const auto event = contents(*log).at(0);
  EXPECT_EQ(*dcb::metadata_member(*event.metadata, "by"), "ann");
  EXPECT_NE(event.metadata->find("2020-01-01T00:00:00Z"), std::string::npos);
  EXPECT_NE(event.metadata->find("position"), std::string::npos);
}

TEST_P(transfer_test, lines_that_are_no_events) {
  auto failure = [&](const std::string& lines) -> std::string {
    try {
      imported(lines);
    } catch (const dcb::decode_error& refused) {
      return refused.what();
    }
    return "imported";
  };
  EXPECT_EQ(failure("\n{\"tags\":[]}"), "line 2.type: missing");
  EXPECT_EQ(failure(R"({"type":"A","tag":["x"]})"), "line 1.tag: not a member of an exported event");
  EXPECT_EQ(failure(R"({"type":"A","tags":"x"})"), "line 1.tags: expected an array, found a string");
  EXPECT_EQ(failure(R"({"type":"A","tags":[1]})"), "line 1.tags[0]: expected a string, found 1");
  EXPECT_EQ(failure(R"({"type":"A","payload":"!"})"), "line 1.payload: not base64");
  EXPECT_EQ(failure(R"({"type":"A","id":"x"})"), "line 1.id: not a UUID: \"x\"");
  EXPECT_EQ(failure(R"({"type":"A","data":{"a":nul}})"), "line 1: invalid input syntax for type json");
  EXPECT_EQ(failure(R"({"type":"A"} {"type":"B"})"), "line 1: invalid input syntax for type json");
  EXPECT_EQ(failure(R"([])"), "line 1: expected an object, found an array");
  EXPECT_EQ(log->head(), 0);
  EXPECT_EQ(refusal([&] { imported(R"({"type":""})"); }), "DCB03");
  EXPECT_EQ(refusal([&] { imported("", {.batch = 0}); }), "22023");
  EXPECT_EQ(imported("\n \n\r\n").events, 0);
  EXPECT_EQ(imported("{\"type\":\"A\"}\r\n{\"type\":\"B\",\"data\":null,\"payload\":null}").events, 2)
      << "line ends of other systems, no last line end";
}

TEST_P(transfer_test, progress_reaches_the_end) {
  fill(*log);
  std::vector<dcb::transfer_progress> seen;
  exported(*log, {.progress = [&](const dcb::transfer_progress& now) { seen.push_back(now); }});
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().events, 10);
  EXPECT_EQ(seen.back().last, 10);
  seen.clear();
  const auto lines = exported(*log);
  imported(lines, {.batch = 3, .progress = [&](const dcb::transfer_progress& now) { seen.push_back(now); }});
  EXPECT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen.back().bytes, lines.size());
}

TEST_P(transfer_test, a_full_disk_is_reported) {
  fill(*log);
  std::ofstream full{"/dev/full"};
  EXPECT_EQ(refusal([&] { dcb::export_events(*log, full); }), "58030");
}

INSTANTIATE_TEST_SUITE_P(transfer, transfer_test, testing::Values(memory_logs(), server_logs()), name_of);

}  // namespace
