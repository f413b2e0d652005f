#include <dcb/error.hpp>
#include <dcb/export_import.hpp>
#include <dcb/json.hpp>
#include <dcb/meta.hpp>

#include "uuid_name.hpp"

#include <future>
#include <istream>
#include <limits>
#include <utility>
#include <vector>

namespace dcb::inline v0 {
namespace {

constexpr std::size_t max_batch_bytes = 8'000'000;
constexpr std::size_t max_batch_events = 65'536;  // of one append, which the server sets

struct event_line {
  bool has_type = false;
  new_event event{};
  std::optional<std::int64_t> position{};
  std::optional<std::string> recorded_at{};
};

void read_member(json::reader& in, std::string_view name, void* into) {
  auto& line = *static_cast<event_line*>(into);
  auto& event = line.event;
  if (name == "type") {
    event.type = in.take_string();
    line.has_type = true;
  } else if (name == "position")
    line.position = in.take_integer(1, std::numeric_limits<std::int64_t>::max());
  else if (name == "tags")
    json::take(in, event.tags);
  else if (name == "data")
    event.data = in.take_json();
  else if (in.take_null())
    return;
  else if (name == "payload")
    event.payload = in.take_bytes();
  else if (name == "metadata")
    event.metadata = in.take_json();
  else if (name == "id")
    event.id = in.take_uuid();
  else if (name == "recorded_at")
    line.recorded_at = in.take_string();
  else
    in.fail("not a member of an exported event");
}

event_line parse_line(std::string_view text, std::string_view place) {
  event_line line;
  try {
    json::check(text);  // reading alone looks only at what it needs
  } catch (const error& failure) {
    throw decode_error{std::string{place} + ": " + failure.what(), {.detail = std::string{failure.detail()}}};
  }
  json::parse(place, text, &line, [](json::reader& in, void* into) { in.take_entries(into, read_member); });
  if (!line.has_type) throw decode_error{std::string{place} + ".type: missing"};
  return line;
}

void add_origin(event_line& line) {
  std::string origin = R"({"origin":{)";
  if (line.position) origin += "\"position\":" + std::to_string(*line.position);
  if (line.recorded_at) origin += (line.position ? "," : "") + ("\"recorded_at\":" + to_json(*line.recorded_at));
  join_metadata(line.event.metadata, origin += "}}");
}

class importer {
 public:
  importer(event_log& log, const import_options& options) : log_(log), options_(options), chain_(options.name) {
    if (options.batch == 0 || options.batch > max_batch_events)
      throw error{"a batch of " + std::to_string(options.batch) + " events", {.sqlstate = "22023", .hint = "One to 65,536 events make a batch."}};
  }

  bool full() const { return batch_.size() >= options_.batch || text_.size() >= max_batch_bytes; }

  // Throws decode_error, and then has not taken the line.
  void add(std::string_view text, std::uint64_t number) {
    const auto place = "line " + std::to_string(number);
    auto line = parse_line(text, place);
    if (options_.numbering == positions::kept) check_position(line, place);
    if (options_.with_origin) add_origin(line);
    batch_.push_back(std::move(line.event));
    text_ += text;
    text_ += '\n';
  }

  // Sends the batch as soon as the one before it is stored. While the store is busy with it, the next one is read.
  void append() {
    wait();
    if (batch_.empty()) return;
    chain_ = uuid_of_name(chain_ + '\n' + text_).to_string();
    auto call = options_.call;
    call.append_id = uuid::from_string(chain_);
    std::optional<append_condition> condition;
    if (options_.numbering == positions::kept)
      condition = append_condition{event_query::all(), next_position_ - static_cast<std::int64_t>(batch_.size()) - 1};
    sent_ = {.events = static_cast<std::int64_t>(batch_.size()), .bytes = text_.size()};
    position_ = std::async(std::launch::async, [&log = log_, batch = std::exchange(batch_, {}), condition = std::move(condition),
                                                call = std::move(call)] { return log.append(batch, condition, call); });
    text_.clear();
  }

  // For what was sent.
  void wait() {
    if (!position_.valid()) return;
    done_.position = position_.get();
    done_.events += sent_.events;
    done_.bytes += sent_.bytes;
    if (options_.progress) options_.progress(done_);
  }

  const transfer_progress& done() const { return done_; }

 private:
  void check_position(const event_line& line, const std::string& place) {
    if (!line.position) throw decode_error{place + ".position: missing", {.hint = "Import with new positions."}};
    if (next_position_ != 0 && *line.position != next_position_)
      throw decode_error{place + ".position: expected " + std::to_string(next_position_) + ", found " + std::to_string(*line.position),
                         {.detail = "The positions of a log have no gaps.", .hint = "An export by a query is imported with new positions."}};
    next_position_ = *line.position + 1;
  }

  event_log& log_;
  const import_options& options_;
  std::string chain_;  // names all that was read up to the last batch
  std::vector<new_event> batch_{};
  std::string text_{};
  std::int64_t next_position_ = 0;
  transfer_progress done_{}, sent_{};
  std::future<std::int64_t> position_{};
};

}  // namespace

new_event from_line(std::string_view line, std::string_view place) { return parse_line(line, place).event; }

transfer_progress import_events(event_log& log, std::istream& from, const import_options& options) {
  importer import{log, options};
  std::string text;
  for (std::uint64_t number = 1; std::getline(from, text); ++number) {
    if (text.find_first_not_of(" \t\r") == text.npos) continue;
    try {
      import.add(text, number);
    } catch (const decode_error&) {
      import.append();  // what stands before it
      import.wait();
      throw;
    }
    if (import.full()) import.append();
  }
  if (from.bad()) throw error{"the file could not be read", {.sqlstate = "58030"}};
  import.append();
  import.wait();
  return import.done();
}

}  // namespace dcb::inline v0
