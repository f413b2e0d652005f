// Every call, over and over in one session: what appends, what reads, what consumes, what goes wrong.

#include "steady.hpp"

#include <algorithm>

namespace {

using memory::operations;
using race::session;

struct call {
  const char* name;
  std::vector<std::string> statements;   // $1 is the store; all in order make one operation
  std::string sqlstate = "";             // of the last one, if that fails
  std::vector<std::string> before = {};  // once
  int one_of = 1;                        // of so many operations of a round only one is done: for calls that take long
  bool in_batches = false;
};

std::ostream& operator<<(std::ostream& out, const call& c) { return out << c.name; }

class calls : public testing::TestWithParam<call> {};

race::answer run(session& s, const std::string& statement, const std::string& store) {
  if (statement.find("$1") == std::string::npos) return s.run(statement);
  return s.run(statement, {store});
}

TEST_P(calls, keep_nothing) {
  const call& c = GetParam();
  memory::counted_store store(c.in_batches);
  session s;
  s.must("SELECT dcb.append($1, array_agg(dcb.event('Old', tags => ARRAY['n:' || n, 'x:' || n % 10]) ORDER BY n)) FROM generate_series(1, 200) AS n", {store.name()});
  store.filled_with(200);
  for (const auto& statement : c.before)
    if (const auto got = run(s, statement, store.name()); !got.ok()) throw race::unexpected(statement + ": " + got.message);
  memory::expect_steady(s, std::max(operations() / c.one_of, 20), [&] {
    for (const auto& statement : c.statements) {
      const auto got = run(s, statement, store.name());
      memory::done.read += statement.find("dcb.read(") != std::string::npos || statement.find("dcb.load(") != std::string::npos ? static_cast<std::int64_t>(got.rows.size()) : 0;
      const std::string& expected = &statement == &c.statements.back() ? c.sqlstate : "";
      if (got.sqlstate != expected) throw race::unexpected(statement + ": " + got.sqlstate + " " + got.message);
    }
    memory::done.errors += c.sqlstate.empty() ? 0 : 1;
    if (s.in_transaction()) s.must("ROLLBACK");
  });
}

const std::string event = "ARRAY[dcb.event('New', '{\"quantity\": 1}', '{cart:c1,item:i7}')]";
const std::string json = R"('[{"type": "New", "tags": ["cart:c1", "item:i7"], "data": {"quantity": 1}}]'::jsonb)";
const std::string holds = "dcb.query(types => '{Old,Never}', tags => '{cart:c1}')";
const std::string fails = "dcb.query(types => '{Old}', tags => '{n:7}')";
const std::string id = "append_id => gen_random_uuid()";
const std::string same_id = "append_id => '00000000-0000-0000-0000-000000000001'";
const std::string hundred = "(SELECT array_agg(dcb.event('New', tags => ARRAY['n:' || n], payload => '\\x0102')) FROM generate_series(1, 100) AS n)";

std::string twenty_commands() {
  std::string all;
  for (int i = 0; i < 20; ++i) all += (i ? ", " : "") + ("dcb.command(" + event + ", " + holds + ")");
  return all;
}

const call appends[] = {
    {"append", {"SELECT dcb.append($1, " + event + ", " + holds + ", 3)"}},
    {"append_unconditional", {"SELECT dcb.append($1, " + event + ")"}},
    {"append_json", {"SELECT dcb.append($1, " + json + ", '{\"items\": [{\"types\": [\"Never\"], \"tags\": [\"cart:c1\"]}]}', 3)"}},
    {"append_with_id", {"SELECT dcb.append($1, " + event + ", " + id + ")"}},
    {"append_again", {"SELECT dcb.append($1, " + event + ", " + same_id + ")"}},
    {"append_prepared", {"EXECUTE p"}, "", {"SELECT set_config('memory.store', $1, false)", "PREPARE p AS SELECT dcb.append(current_setting('memory.store'), " + event + ", " + holds + ")"}},
    {"append_in_transaction", {"BEGIN", "INSERT INTO own VALUES (1)", "SELECT dcb.append($1, " + event + ", " + holds + ")", "COMMIT"}, "", {"CREATE TEMP TABLE own (n int) ON COMMIT DELETE ROWS"}},
    {"append_repeatable_read", {"BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT dcb.append($1, " + event + ", " + holds + ")", "COMMIT"}},
    {"append_serializable", {"BEGIN ISOLATION LEVEL SERIALIZABLE", "SELECT dcb.append($1, " + event + ", " + holds + ")", "COMMIT"}},
    {"append_rolled_back", {"BEGIN", "SELECT dcb.append($1, " + event + ", " + holds + ")", "ROLLBACK"}},
    {"append_at_commit", {"SELECT dcb.append_at_commit($1, " + event + ", " + holds + ", 3)"}},
    {"append_at_commit_json", {"SELECT dcb.append_at_commit($1, " + json + ")"}},
    {"append_at_commit_in_transaction", {"BEGIN", "SELECT dcb.append_at_commit($1, " + event + ", " + id + ")", "SELECT dcb.append_at_commit($1, " + json + ")", "COMMIT"}},
    {"append_at_commit_rolled_back", {"BEGIN", "SELECT dcb.append_at_commit($1, " + event + ", " + holds + ")", "ROLLBACK"}},
    {"submit", {"CALL dcb.submit($1, " + event + ", " + holds + ", 3)"}},
    {"submit_json", {"CALL dcb.submit($1, " + json + ", " + holds + ")"}},
    {"submit_with_id", {"CALL dcb.submit($1, " + event + ", " + id + ")"}},
    {"submit_again", {"CALL dcb.submit($1, " + event + ", " + same_id + ")"}},
    {"submit_not_flushed", {"SET synchronous_commit = off", "CALL dcb.submit($1, " + event + ")", "RESET synchronous_commit"}},
    {"submit_too_large_for_a_slot", {"CALL dcb.submit($1, ARRAY[dcb.event('New', payload => decode(repeat('ab', 20000), 'hex'))])"}, "", {}, 10},
    {"submit_many", {"CALL dcb.submit_many($1, ARRAY[dcb.command(" + event + ", " + holds + "), dcb.command(" + event + ", " + fails + "), dcb.command(" + event + ", " + id + ")])"}, "", {}, 1, true},
    {"lock_and_append", {"BEGIN", "SELECT dcb.lock_tags($1, '{cart:c1,item:i7}', '1 s')", "SELECT dcb.append($1, " + event + ", " + holds + ")", "COMMIT"}},
    {"rules_derive_tags", {"SELECT dcb.append($1, ARRAY[dcb.event('Ruled', '{\"customer\": \"ann\"}')])"}, "", {"SELECT dcb.tag_rule($1, 'Ruled', 'customer', '$.customer')"}},
    {"hundred_at_once", {"SELECT dcb.append($1, " + hundred + ")"}, "", {}, 10, true},
    {"twenty_submitted", {"CALL dcb.submit_many($1, ARRAY[" + twenty_commands() + "])"}, "", {}, 10, true},
};

const call errors[] = {
    {"append_conflict", {"SELECT dcb.append($1, " + event + ", " + fails + ")"}, "DCB01"},
    {"append_at_commit_conflict", {"SELECT dcb.append_at_commit($1, " + event + ", " + fails + ")"}, "DCB01"},
    {"commit_conflict", {"BEGIN", "SELECT dcb.append_at_commit($1, " + event + ", " + fails + ")", "COMMIT"}, "DCB01"},
    {"submit_conflict", {"CALL dcb.submit($1, " + event + ", " + fails + ")"}, "DCB01"},
    {"bad_query", {"SELECT dcb.exists($1, '{\"items\": [{\"tags\": [\"a\", \"b\"], \"nonsense\": 1}]}')"}, "DCB02"},
    {"no_events", {"SELECT dcb.append($1, '{}'::dcb.new_event[])"}, "DCB04"},
    {"unknown_store", {"SELECT dcb.append('nowhere', " + event + ")"}, "DCB05"},
    {"unknown_store_read", {"SELECT position FROM dcb.read('nowhere')"}, "DCB05"},
    {"bad_json", {"SELECT dcb.append($1, '[{\"type\": \"A\", \"tags\": [\"a\"], \"data\": {\"n\": 1}}, {\"type\": 7}]'::jsonb)"}, "DCB03"},
    {"other_content_of_an_append_id", {"SELECT dcb.append($1, " + event + ", append_id => '00000000-0000-0000-0000-000000000002')"}, "DCB07",
     {"SELECT dcb.append($1, ARRAY[dcb.event('Other')], append_id => '00000000-0000-0000-0000-000000000002')"}},
    {"beyond_the_head", {"SELECT dcb.append($1, " + event + ", " + holds + ", 1000000000)"}, "DCB09"},
    {"submit_in_a_transaction", {"BEGIN", "CALL dcb.submit($1, " + event + ")"}, "25001"},
    {"prepare_transaction", {"BEGIN", "SELECT dcb.append($1, " + event + ")", "PREPARE TRANSACTION 'never'"}, "DCB08"},
    {"error_after_append", {"BEGIN", "SELECT dcb.append($1, " + event + ")", "SELECT 1 / 0"}, "22012"},
    {"error_in_the_statement_of_an_append", {"SELECT dcb.append($1, " + event + ") / 0"}, "22012"},
    {"plain_insert", {"DO $$ BEGIN EXECUTE format('INSERT INTO %I.event (position, type, tags, data, recorded_at) VALUES (1000000, ''A'', ''{}'', ''{}'', now())', current_setting('memory.store')); END $$"}, "DCB10",
     {"SELECT set_config('memory.store', $1, false)"}},
    {"statement_timeout", {"CALL dcb.wait_for_query($1, dcb.query(types => '{Never}'), 0, '60 s')"}, "57014", {"SET statement_timeout = '1ms'"}, 4},
    {"event_without_type", {"SELECT dcb.append($1, ARRAY[dcb.event('')])"}, "DCB03"},
    {"read_stopped_by_an_error", {"SELECT 1 / (100 - position) FROM dcb.read($1)"}, "22012"},
    {"stale_token", {"SELECT dcb.checkpoint($1, 's', 1, 5)"}, "DCB11", {"SELECT dcb.create_subscription($1, 's')", "SELECT dcb.claim($1, 's', 'me')", "SELECT dcb.release($1, 's', 'me')", "SELECT dcb.claim($1, 's', 'me')"}},
    {"unknown_subscription", {"SELECT dcb.poll($1, 'nobody', 1)"}, "DCB13"},
};

const call reads[] = {
    {"read_all", {"SELECT * FROM dcb.read($1)"}, "", {}, 10},
    {"read_two_tags", {"SELECT * FROM dcb.read($1, dcb.query(tags => '{n:7,x:7}'))"}},
    {"read_type", {"SELECT * FROM dcb.read($1, dcb.query(types => '{Old,New}'), 100)"}},
    {"read_without_types", {"SELECT * FROM dcb.read($1, dcb.query(tags => '{x:7}', except_types => '{New}'))"}},
    {"read_items", {"SELECT * FROM dcb.read($1, dcb.any_of(dcb.query(tags => '{n:7}'), dcb.query(types => '{Old}', tags => '{x:1}', after => 50), dcb.query(tags => '{x:2}')))"}},
    {"read_backwards", {"SELECT * FROM dcb.read($1, backwards => true, max_count => 5)"}},
    {"read_page", {"SELECT * FROM dcb.read($1, after => 50, max_count => 20, upto => 150)"}},
    {"read_limit", {"SELECT * FROM dcb.read($1) LIMIT 3"}},
    {"read_joined", {"SELECT e.position FROM unnest('{7,8,9}'::int[]) AS n, dcb.read($1, dcb.query(tags => ARRAY['n:' || n])) AS e"}},
    {"read_outside_of_from", {"SELECT (dcb.read($1, dcb.query(tags => '{x:7}'))).position"}},
    {"read_by_cursor", {"BEGIN", "DECLARE c CURSOR FOR SELECT * FROM dcb.read(current_setting('memory.store'))", "FETCH 20 FROM c", "COMMIT"}, "", {"SELECT set_config('memory.store', $1, false)"}},
    {"scalars", {"SELECT dcb.head($1), dcb.watermark($1), dcb.exists($1, dcb.query(tags => '{n:7}')), dcb.count($1, dcb.query(tags => '{x:7}')), dcb.last($1), "
                 "dcb.position_at($1, now()), dcb.recorded_at($1, 7), dcb.check_mark($1, 7, dcb.mark($1, 7))"}},
    {"queries", {"SELECT dcb.matches(q, 'A', '{b}'), q::text::dcb.query OPERATOR(dcb.=) q FROM (SELECT dcb.any_of(dcb.query('{A}', '{b}'), dcb.query(tags => '{c}')) AS q) AS s"}},
    {"verify", {"SELECT * FROM dcb.verify($1)"}, "", {}, 20},
    {"snapshots", {"SELECT dcb.save_snapshot($1, 's', dcb.all(), 7, '\\x07')", "SELECT * FROM dcb.load_snapshot($1, 's', dcb.all())", "SELECT * FROM dcb.load($1, dcb.all(), 's')",
                   "SELECT dcb.drop_snapshots($1)"}, "", {}, 4},
    {"load_without_snapshot", {"SELECT * FROM dcb.load($1, dcb.query(tags => '{x:7}'), 'none')"}},
};

const std::string token = "(SELECT token FROM dcb.subscriptions($1) WHERE name = 's')";
const call reactions[] = {
    {"subscription_lives", {"SELECT dcb.create_subscription($1, 's', dcb.query(types => '{Old}'))", "SELECT dcb.claim($1, 's', 'me')", "SELECT dcb.pause($1, 's')", "SELECT dcb.resume($1, 's')",
                            "SELECT dcb.rewind($1, 's', 5)", "SELECT * FROM dcb.subscriptions($1)", "SELECT dcb.release($1, 's', 'me')", "SELECT dcb.drop_subscription($1, 's')"}, "", {}, 10},
    {"poll_and_checkpoint", {"SELECT (dcb.claim($1, 's', 'me')).token", "DO $$ DECLARE t bigint; BEGIN EXECUTE format('SELECT token FROM %I.checkpoint', current_setting('memory.store')) INTO t; "
                             "PERFORM dcb.checkpoint(current_setting('memory.store'), 's', t, max(position)) FROM dcb.poll(current_setting('memory.store'), 's', t, max_count => 50); END $$",
                             "SELECT dcb.rewind($1, 's', 0)"}, "", {"SELECT dcb.create_subscription($1, 's')", "SELECT set_config('memory.store', $1, false)"}, 4},
    {"parked", {"SELECT dcb.claim($1, 's', 'me')", "DO $$ DECLARE t bigint; BEGIN EXECUTE format('SELECT token FROM %I.checkpoint', current_setting('memory.store')) INTO t; "
                "PERFORM dcb.fail(current_setting('memory.store'), 's', t, 'poison'), dcb.park(current_setting('memory.store'), 's', t, 7, 'poison'); END $$",
                "SELECT * FROM dcb.parked_events($1, 's')", "SELECT dcb.resolve_parked($1, 's', 7)", "SELECT dcb.rewind($1, 's', 0)"}, "",
     {"SELECT dcb.create_subscription($1, 's')", "SELECT set_config('memory.store', $1, false)"}, 4},
    {"wait_found", {"CALL dcb.wait_for_query($1, dcb.query(tags => '{n:7}'), 0, '60 s')", "CALL dcb.wait_for($1, 5, '60 s')", "CALL dcb.wait_for_events($1, 's', '60 s')"}, "", {"SELECT dcb.create_subscription($1, 's')"}},
    {"wait_in_vain", {"CALL dcb.wait_for_query($1, dcb.query(types => '{Never}'), 0, '1 ms')", "CALL dcb.wait_for($1, 100000000, '1 ms')"}, "", {}, 4},
    {"projection_by_hand", {"SELECT dcb.rewind($1, 'p', 0)", "CALL dcb.run_projection($1, 'p')"}, "",
     {"CREATE OR REPLACE FUNCTION public.memory_see(events dcb.stored_event[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM cardinality(events); END $$",
      "SELECT dcb.create_projection($1, 'p', dcb.query(types => '{Old}'), 'public.memory_see(dcb.stored_event[])', batch_size => 50)", "SELECT dcb.pause($1, 'p')", "SELECT dcb.resume($1, 'p')"}, 10},
    {"projection_inline", {"SELECT dcb.append($1, " + event + ")", "CALL dcb.submit($1, " + event + ")"}, "",
     {"CREATE OR REPLACE FUNCTION public.memory_see_one(event dcb.stored_event) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM event.position; END $$",
      "SELECT dcb.create_projection($1, 'i', dcb.query(types => '{New}'), 'public.memory_see_one(dcb.stored_event)', mode => 'inline')"}, 4},
    {"due_commands", {"SELECT dcb.schedule($1, now() + interval '1 hour', " + event + ", " + holds + ", id => '00000000-0000-0000-0000-000000000007')", "SELECT dcb.cancel($1, '00000000-0000-0000-0000-000000000007')",
                      "DO $$ BEGIN EXECUTE format('DELETE FROM %I.due', current_setting('memory.store')); END $$", "SELECT dcb.schedule($1, now(), " + json + ")", "CALL dcb.run_due($1)"}, "",
     {"SELECT set_config('memory.store', $1, false)"}, 4},
};

std::string name_of(const testing::TestParamInfo<call>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(appending, calls, testing::ValuesIn(appends), name_of);
INSTANTIATE_TEST_SUITE_P(failing, calls, testing::ValuesIn(errors), name_of);
INSTANTIATE_TEST_SUITE_P(reading, calls, testing::ValuesIn(reads), name_of);
INSTANTIATE_TEST_SUITE_P(reacting, calls, testing::ValuesIn(reactions), name_of);

}  // namespace
