#include "server_reactions.hpp"

#include "commands.hpp"
#include "server_transaction.hpp"

#include <dcb/error.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace dcb::inline v0 {
namespace {

// Parameters and answers of the rarer ones are text; what is asked for each batch is prepared.
constexpr statement create_sql{.sql = "SELECT dcb.create_subscription($1, $2, $3::dcb.query, $4::bigint, $5::int, $6, if_not_exists => true)",
                               .text_form = true};
constexpr statement drop_sql{.sql = "SELECT dcb.drop_subscription($1, $2)", .text_form = true};
constexpr statement claim_sql{
    .sql = "SELECT partition, token FROM dcb.claim($1, $2, $3, $4::interval)", .name = "dcb_claim", .text_form = true};
constexpr statement release_sql{.sql = "SELECT dcb.release($1, $2, $3)", .text_form = true};
constexpr statement poll_sql{.sql = "SELECT position, type, tags, data, payload, metadata, id, recorded_at "
                                    "FROM dcb.poll($1::text, $2::text, $3::bigint, $4::bigint::int, $5::bigint::int)",
                             .name = "dcb_poll"};
constexpr statement lease_sql{
    .sql = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)", .name = "dcb_lease", .text_form = true};
constexpr statement checkpoint_sql{
    .sql = "SELECT dcb.checkpoint($1, $2, $3::bigint, $4::bigint, $5::int)", .name = "dcb_checkpoint", .text_form = true};
constexpr statement park_sql{.sql = "SELECT dcb.park($1, $2, $3::bigint, $4::bigint, $5, $6::int, $7::int)", .text_form = true};
constexpr statement fail_sql{.sql = "SELECT dcb.fail($1, $2, $3::bigint, $4, $5::boolean, $6::int)", .text_form = true};
constexpr statement pause_sql{.sql = "SELECT dcb.pause($1, $2)", .text_form = true};
constexpr statement resume_sql{.sql = "SELECT dcb.resume($1, $2)", .text_form = true};
constexpr statement rewind_sql{.sql = "SELECT dcb.rewind($1, $2, $3::bigint)", .text_form = true};
constexpr statement status_sql{.sql = "SELECT name, partition, partitions, state, reason, position, head, lag_events, "
                                      "round(extract(epoch FROM lag) * 1000000)::bigint, consumer, failures, last_error, parked "
                                      "FROM dcb.subscriptions($1) WHERE $2 IN ('', name)",
                               .text_form = true};
constexpr statement parked_sql{.sql = "SELECT position, type, tags, data, payload, metadata, id, recorded_at, partition::bigint, reason, "
                                      "attempts::bigint, parked_at FROM dcb.parked_events($1::text, $2::text)"};
constexpr statement resolve_sql{.sql = "SELECT dcb.resolve_parked($1, $2, $3::bigint)", .text_form = true};
constexpr statement wait_sql{.sql = "CALL dcb.wait_for_query($1, $2::dcb.query, $3::bigint, $4::interval, NULL)", .text_form = true};
constexpr statement reached_sql{.sql = "CALL dcb.wait_for($1, $2::bigint, $3::interval, $4, NULL)", .text_form = true};
constexpr statement schedule_sql{
    .sql = "SELECT dcb.schedule($1::text, $2::timestamptz, $3::dcb.new_event[], $4::dcb.query, $5::bigint, $6::uuid)"};
constexpr statement cancel_sql{.sql = "SELECT dcb.cancel($1, $2::uuid)", .text_form = true};
constexpr statement due_sql{.sql = "SELECT id, due, state, position, error FROM dcb.due_commands($1::text)"};
constexpr statement run_due_sql{.sql = "CALL dcb.run_due($1, NULL)", .text_form = true};

// Of one that is to be replaced: who is at work on it is sent away, and nobody else gets it before the end of the transaction.
constexpr statement send_away_sql{.sql = "SELECT dcb.release($1, $2, consumer) FROM (SELECT DISTINCT consumer FROM dcb.subscriptions($1) "
                                         "WHERE name = $2 AND consumer IS NOT NULL) AS c",
                                  .text_form = true};
constexpr statement is_alone_sql{.sql = "SELECT count(*) = min(s.partitions) OR min(s.state) <> 'active' FROM dcb.subscriptions($1) AS s "
                                        "LEFT JOIN dcb.claim($1, $2, $3) AS c ON c.partition = s.partition "
                                        "WHERE s.name = $2 AND (c.partition IS NOT NULL OR s.state <> 'active')",
                                 .text_form = true};
constexpr statement as_far_sql{.sql = "SELECT min(position) FILTER (WHERE name = $3) >= max(position) FILTER (WHERE name = $2) "
                                      "FROM dcb.subscriptions($1)",
                               .text_form = true};

std::string interval(std::chrono::milliseconds time) { return std::to_string(time.count()) + " ms"; }

std::string text(std::string_view value) {
  std::string copy{value};
  require_no_nul(copy, "a name");
  return copy;
}

bool is_true(const sql_result& answer) { return answer.rows() > 0 && answer.value(0, 0) == "t"; }

std::optional<std::string> optional_text(const sql_result& answer, int row, int column) {
  const auto value = answer.value(row, column);
  return value ? std::optional{std::string{*value}} : std::nullopt;
}

std::int64_t number(const sql_result& answer, int row, int column) {
  const auto value = answer.value(row, column);
  if (!value) throw decode_error("no " + std::string{answer.column_name(column)} + " in the answer");
  return std::stoll(std::string{*value});
}

sql_result ask_in(transaction& in, const statement& what, const parameters& values) {
  const auto own = dynamic_cast<server_transaction*>(&transaction::impl::of(in));
  if (!own) throw error("this transaction belongs to another store", {.sqlstate = "22023"});
  const call_limits limits{call_options{}};
  return own->with(limits).on.run(what, values, limits);
}

template <class State, std::size_t N>
State state_of(std::string_view name, const std::array<std::pair<std::string_view, State>, N>& known) {
  for (const auto& [text, state] : known)
    if (text == name) return state;
  throw decode_error("a state that is not known: " + std::string{name});
}

constexpr std::array<std::pair<std::string_view, subscription_state>, 3> subscription_states{
    {{"active", subscription_state::active}, {"paused", subscription_state::paused}, {"stopped", subscription_state::stopped}}};
constexpr std::array<std::pair<std::string_view, due_state>, 5> due_states{{{"pending", due_state::pending},
                                                                            {"appended", due_state::appended},
                                                                            {"refused", due_state::refused},
                                                                            {"failed", due_state::failed},
                                                                            {"cancelled", due_state::cancelled}}};

}  // namespace

sql_result server_reactions::ask(const statement& what, const parameters& values, const call_options& call) const {
  const call_limits limits{call};
  const auto lease = connections_->acquire(limits);
  return lease->run(what, values, limits);
}

void server_reactions::create(const subscription_definition& definition) {
  definition.query.validate();
  const auto start = definition.start_after ? std::optional{std::to_string(*definition.start_after)} : std::nullopt;
  ask(create_sql, {store_, text(definition.name), definition.query.to_json(), start, std::to_string(definition.partitions), definition.partition_by});
}

bool server_reactions::drop(std::string_view name) { return is_true(ask(drop_sql, {store_, text(name)})); }

std::vector<held_partition> server_reactions::claim(std::string_view name, std::string_view consumer, std::chrono::milliseconds lease) {
  const auto answer = ask(claim_sql, {store_, text(name), text(consumer), interval(lease)});
  std::vector<held_partition> held;
  for (int i = 0; i < answer.rows(); ++i) held.push_back({static_cast<int>(number(answer, i, 0)), number(answer, i, 1)});
  return held;
}

void server_reactions::release(std::string_view name, std::string_view consumer) { ask(release_sql, {store_, text(name), text(consumer)}); }

// The last row may stand for no event: it tells how far the log was looked through.
polled_events server_reactions::poll(std::string_view name, const held_partition& held, int max_count) {
  const auto answer = ask(poll_sql, {store_, text(name), encode_int8(held.token), encode_int8(held.partition), encode_int8(max_count)});
  polled_events polled;
  polled.events.reserve(static_cast<std::size_t>(answer.rows()));
  for (int i = 0; i < answer.rows(); ++i) {
    polled.upto = decode_int8(answer.value(i, 0).value());
    if (answer.value(i, 1)) decode_event(answer, i, 0, polled.events.emplace_back());
  }
  return polled;
}

transaction server_reactions::begin(std::chrono::milliseconds lease) {
  const call_limits limits{call_options{}};
  auto in = transaction::impl::handed_over(
      server_transaction::begin(connections_->acquire(limits), store_, isolation::read_committed, limits));
  ask_in(in, lease_sql, {interval(lease)});
  return in;
}

void server_reactions::checkpoint(transaction& in, std::string_view name, const held_partition& held, std::int64_t position) {
  ask_in(in, checkpoint_sql, {store_, text(name), std::to_string(held.token), std::to_string(position), std::to_string(held.partition)});
}

void server_reactions::park(transaction& in, std::string_view name, const held_partition& held, std::int64_t position, const std::string& reason,
                            int attempts) {
  ask_in(in, park_sql,
         {store_, text(name), std::to_string(held.token), std::to_string(position), reason.substr(0, reason.find('\0')), std::to_string(attempts),
          std::to_string(held.partition)});
}

void server_reactions::fail(std::string_view name, const held_partition& held, const std::string& reason, bool stop) {
  ask(fail_sql, {store_, text(name), std::to_string(held.token), reason.substr(0, reason.find('\0')), stop ? "true" : "false",
                 std::to_string(held.partition)});
}

void server_reactions::pause(std::string_view name) { ask(pause_sql, {store_, text(name)}); }
void server_reactions::resume(std::string_view name) { ask(resume_sql, {store_, text(name)}); }
void server_reactions::rewind(std::string_view name, std::int64_t position) { ask(rewind_sql, {store_, text(name), std::to_string(position)}); }

std::vector<subscription_status> server_reactions::status(std::string_view name) {
  const auto answer = ask(status_sql, {store_, text(name)});
  std::vector<subscription_status> all;
  for (int i = 0; i < answer.rows(); ++i)
    all.push_back({.name = std::string{answer.value(i, 0).value()},
                   .partition = static_cast<int>(number(answer, i, 1)),
                   .partitions = static_cast<int>(number(answer, i, 2)),
                   .state = state_of(answer.value(i, 3).value(), subscription_states),
                   .reason = optional_text(answer, i, 4),
                   .position = number(answer, i, 5),
                   .head = number(answer, i, 6),
                   .lag_events = number(answer, i, 7),
                   .lag = std::chrono::microseconds{number(answer, i, 8)},
                   .consumer = optional_text(answer, i, 9),
                   .failures = number(answer, i, 10),
                   .last_error = optional_text(answer, i, 11),
                   .parked = number(answer, i, 12)});
  return all;
}

bool server_reactions::supersede(transaction& in, std::string_view replaced, std::string_view by, std::string_view consumer) {
  ask_in(in, send_away_sql, {store_, text(replaced)});
  if (!is_true(ask_in(in, is_alone_sql, {store_, text(replaced), text(consumer)}))) return false;
  if (!is_true(ask_in(in, as_far_sql, {store_, text(replaced), text(by)}))) return false;
  return is_true(ask_in(in, drop_sql, {store_, text(replaced)}));
}

std::vector<parked_event> server_reactions::parked(std::string_view name) {
  const auto answer = ask(parked_sql, {store_, text(name)});
  std::vector<parked_event> all(static_cast<std::size_t>(answer.rows()));
  for (int i = 0; i < answer.rows(); ++i) {
    auto& each = all[static_cast<std::size_t>(i)];
    decode_event(answer, i, 0, each.event);
    each.partition = static_cast<int>(decode_int8(answer.value(i, 8).value()));
    each.reason = answer.value(i, 9).value();
    each.attempts = static_cast<int>(decode_int8(answer.value(i, 10).value()));
    each.parked_at = decode_timestamp(answer.value(i, 11).value());
  }
  return all;
}

bool server_reactions::resolve_parked(transaction& in, std::string_view name, std::int64_t position) {
  return is_true(ask_in(in, resolve_sql, {store_, text(name), std::to_string(position)}));
}

bool server_reactions::wait_for_events(const event_query& query, std::int64_t after, std::chrono::milliseconds timeout, std::stop_token stop) {
  query.validate();
  return is_true(ask(wait_sql, {store_, query.to_json(), std::to_string(after), interval(timeout)}, {.stop = std::move(stop)}));
}

bool server_reactions::wait_for(std::int64_t position, std::string_view name, std::chrono::milliseconds timeout, std::stop_token stop) {
  const auto subscription = name.empty() ? std::nullopt : std::optional{text(name)};
  return is_true(ask(reached_sql, {store_, std::to_string(position), interval(timeout), subscription}, {.stop = std::move(stop)}));
}

void server_reactions::schedule(const due_append& append, transaction* in) {
  const call_limits limits{call_options{}};
  const auto send = [&](connection& on) {
    on.run(schedule_sql,
           {store_, encode_timestamp(append.due), encode_events(append.events, on.types(limits).new_event),
            append.condition ? std::optional{encode_query(append.condition->fail_if_events_match)} : std::nullopt,
            encode_int8(append.condition ? append.condition->after : 0), encode_uuid(append.id)},
           limits);
  };
  if (!in) return send(*connections_->acquire(limits));
  const auto own = dynamic_cast<server_transaction*>(&transaction::impl::of(*in));
  if (!own) throw error("this transaction belongs to another store", {.sqlstate = "22023"});
  send(own->with(limits).on);
}

bool server_reactions::cancel(const uuid& id, transaction* in) {
  const parameters values{store_, id.to_string()};
  return is_true(in ? ask_in(*in, cancel_sql, values) : ask(cancel_sql, values));
}

std::vector<due_status> server_reactions::due() {
  const auto answer = ask(due_sql, {store_});
  std::vector<due_status> all(static_cast<std::size_t>(answer.rows()));
  for (int i = 0; i < answer.rows(); ++i) {
    auto& each = all[static_cast<std::size_t>(i)];
    each.id = decode_uuid(answer.value(i, 0).value());
    each.due = decode_timestamp(answer.value(i, 1).value());
    each.state = state_of(answer.value(i, 2).value(), due_states);
    if (const auto position = answer.value(i, 3)) each.position = decode_int8(*position);
    each.error = optional_text(answer, i, 4);
  }
  return all;
}

int server_reactions::run_due() { return static_cast<int>(number(ask(run_due_sql, {store_}), 0, 0)); }

}  // namespace dcb::inline v0
