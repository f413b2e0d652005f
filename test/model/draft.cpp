#include "draft.hpp"

#include <algorithm>

namespace model {

int any_below(int count) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, count)); }
bool one_in(int count) { return any_below(count) == count - 1; }

// Text

std::string literal(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

std::string optional_literal(const std::optional<std::string>& text) { return text ? literal(*text) : "NULL"; }

namespace {

std::string joined(const std::vector<std::string>& parts, const std::string& between = ", ") {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) out += (i == 0 ? "" : between) + parts[i];
  return out;
}

template <class Function>
std::vector<std::string> each(const auto& values, Function function) {
  std::vector<std::string> out;
  for (const auto& value : values) out.push_back(function(value));
  return out;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "\"";
}

std::string json_array(const std::vector<std::string>& texts) { return "[" + joined(each(texts, quoted)) + "]"; }

const std::vector<std::string> types{"A", "B", "C", "Über uns"};
const std::vector<std::string> tags{"a:1", "a:2", "b:1", "b:2", "c", "x\"{, }\\':ü", "a", "a:"};
const std::vector<std::string> jsons{"{}", R"({"n": 1})", R"({"n": 1.0})", R"([1, "x"])", "null", R"("ü")"};
const std::vector<std::string> hex_payloads{"\\x", "\\x00ff"};
const std::vector<std::string> base64_payloads{"", "AP8="};

std::string any_type() { return one_in(150) ? "" : any_of(types); }
std::string any_tag() { return one_in(150) ? "" : any_of(tags); }
std::string any_plain_tag() { return "a:1"; }

std::set<std::string> set_of(const std::vector<std::string>& values) { return {values.begin(), values.end()}; }

std::string uuid(int number) { return "00000000-0000-0000-0000-00000000000" + std::to_string(number); }

}  // namespace

std::string text_array(const std::vector<std::string>& texts) { return "ARRAY[" + joined(each(texts, literal)) + "]::text[]"; }

std::string array_out(const std::vector<std::string>& texts) {
  return "{" +
         joined(each(texts, [](const std::string& t) { return t.empty() || t.find_first_of("{},\"\\ ") != t.npos ? quoted(t) : t; }), ",") + "}";
}

const char event_columns[] = "position, type, tags, data, payload, metadata, id";

row event_row(position p, const event& e) {
  return {std::to_string(p),       e.type, array_out({e.tags.begin(), e.tags.end()}), e.data, e.payload.value_or(""), e.metadata.value_or(""),
          e.id.value_or("")};
}

// Positions

std::optional<position> place::in(const reference& r) const {
  switch (from) {
    case start: return distance;
    case head: return std::max<position>(0, r.head() - distance);
    case beyond: return r.head() + 1 + distance;
    case negative: return -1 - distance;
    default: return std::nullopt;
  }
}

std::string place::text(const reference& r) const {
  const auto p = in(r);
  return p ? std::to_string(*p) : "NULL";
}

std::string place::argument(const std::string& name, const reference& r) const {
  return from == omitted ? "" : ", " + name + " => " + text(r);
}

place any_place() {
  using enum place::origin;
  static const std::vector<place::origin> origins{omitted, omitted, omitted, omitted, start, start, start, head, head, head, head, head, head, head, null};
  if (one_in(40)) return {any_of(std::vector{beyond, negative}), any_below(3)};
  const auto from = any_of(origins);
  return {from, from == start || from == head ? any_below(8) : 0};
}

place any_required_place() {
  using enum place::origin;
  if (one_in(25)) return {any_of(std::vector{beyond, negative}), any_below(3)};
  return {any_of(std::vector{start, head}), any_below(8)};
}

// Queries

query query_draft::in(const reference& r) const {
  query out;
  for (const item& i : items) out.insert({set_of(i.types), set_of(i.except), set_of(i.tags), i.after.in(r)});
  return out;
}

std::string query_draft::text(const reference& r) const {
  if (as_json || items.empty())
    return literal("{\"items\": [" + joined(each(items,
                                                 [&](const item& i) {
                                                   std::vector<std::string> members;
                                                   if (!i.types.empty()) members.push_back("\"types\": " + json_array(i.types));
                                                   if (!i.except.empty()) members.push_back("\"except\": " + json_array(i.except));
                                                   if (!i.tags.empty()) members.push_back("\"tags\": " + json_array(i.tags));
                                                   if (i.after.in(r)) members.push_back("\"after\": " + i.after.text(r));
                                                   return "{" + joined(members) + "}";
                                                 })) +
                   "]}") +
           "::dcb.query";
  const auto parts = each(items, [&](const item& i) {
    std::vector<std::string> arguments;
    if (!i.types.empty()) arguments.push_back("types => " + text_array(i.types));
    if (!i.tags.empty()) arguments.push_back("tags => " + text_array(i.tags));
    if (!i.except.empty()) arguments.push_back("except_types => " + text_array(i.except));
    if (i.after.in(r)) arguments.push_back("after => " + i.after.text(r));
    return arguments.empty() ? "dcb.all()" : "dcb.query(" + joined(arguments) + ")";
  });
  return parts.size() == 1 ? parts[0] : "dcb.any_of(" + joined(parts) + ")";
}

namespace {

query_draft::item any_item() {
  query_draft::item i{any_list(2, any_type), {}, any_list(2, any_tag), {}};
  if (any_below(4) == 3) i.except = any_list(2, any_type);
  if (any_below(5) == 4) i.after = any_place();
  return i;
}

}  // namespace

query_draft any_query() {
  query_draft draft{any_list(3, any_item), any_below(3) == 2};
  if (draft.items.empty() && !one_in(30)) draft.items.push_back({});
  return draft;
}

// Events

event event_draft::as(bool json) const {
  event e;
  e.type = json && unknown_key ? "" : type.value_or("");
  e.tags = set_of(tags);
  e.data = data && !(json && data == "null") ? *data : "{}";
  if (metadata && !(json && metadata == "null")) e.metadata = metadata;
  if (payload) e.payload = hex_payloads[*payload];
  e.id = id;
  return e;
}

std::string event_draft::text(bool json) const {
  std::vector<std::string> parts;
  if (json) {
    if (type) parts.push_back("\"type\": " + quoted(*type));
    if (!tags.empty()) parts.push_back("\"tags\": " + json_array(tags));
    if (data) parts.push_back("\"data\": " + *data);
    if (metadata) parts.push_back("\"metadata\": " + *metadata);
    if (payload) parts.push_back("\"payload\": " + quoted(base64_payloads[*payload]));
    if (id) parts.push_back("\"id\": " + quoted(*id));
    if (unknown_key) parts.push_back("\"tag\": \"a:1\"");
    return "{" + joined(parts) + "}";
  }
  parts.push_back(optional_literal(type));
  parts.push_back("data => " + optional_literal(data));
  if (!tags.empty()) parts.push_back("tags => " + text_array(tags));
  if (metadata) parts.push_back("metadata => " + literal(*metadata));
  if (payload) parts.push_back("payload => " + literal(hex_payloads[*payload]));
  if (id) parts.push_back("id => " + literal(*id));
  return "dcb.event(" + joined(parts) + ")";
}

event_draft any_event() {
  event_draft e;
  e.type = any_of(types);
  if (one_in(200)) e.type = any_of(std::vector<std::optional<std::string>>{std::nullopt, ""});
  e.tags = any_list(3, any_tag);
  if (any_below(2) == 1) e.data = any_of(jsons);
  if (any_below(6) == 5) e.metadata = any_of(jsons);
  if (any_below(6) == 5) e.payload = any_below(2);
  if (any_below(6) == 5) e.id = uuid(any_below(3));
  e.unknown_key = one_in(200);
  return e;
}

// Appends

request request_draft::in(const reference& r) const {
  request out;
  for (const event_draft& e : events) out.events.push_back(e.as(as_json));
  if (condition) out.condition = condition->in(r);
  out.after = after.in(r);
  out.append_id = append_id;
  return out;
}

std::string request_draft::text(const reference& r) const {
  const auto texts = each(events, [&](const event_draft& e) { return e.text(as_json); });
  std::string out = as_json ? literal("[" + joined(texts) + "]") + "::jsonb" : "ARRAY[" + joined(texts) + "]::dcb.new_event[]";
  if (condition) out += ", fail_if_events_match => " + condition->text(r);
  out += after.argument("after", r);
  if (append_id) out += ", append_id => " + literal(*append_id);
  return out;
}

request_draft any_request() {
  request_draft draft{.events = any_list(3, any_event)};
  if (draft.events.empty() && !one_in(30)) draft.events.emplace_back().type = "A";
  draft.as_json = any_below(3) == 2;
  if (any_below(2) == 1) draft.condition = any_query();
  if (draft.condition || one_in(40)) draft.after = any_place();
  if (any_below(4) == 3) {
    draft.append_id = uuid(any_below(4));
    if (any_below(3) > 0) draft.events = {{.type = "A", .tags = any_list(1, any_plain_tag)}};
  }
  return draft;
}

}  // namespace model
