// Values for the arguments of dcb's functions, as SQL expressions, by type: a good one first, then what nobody should send.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace hostile {

// The stores and names that the values speak of are those of fixture.cpp.
inline const std::map<std::string, std::vector<std::string>>& values() {
  static const std::string event = "dcb.event('A', '{\"a\": 1}', tags => '{t:1}')";
  static const std::string uuid = "'0198a5b0-1111-7222-8333-444444444444'::uuid";
  static const std::map<std::string, std::vector<std::string>> all{
      {"text", {"'A'", "NULL::text", "''", "' '", "'t:1'", "'$.a'", "'strict $.**.x'", "'$ ? ('", "'park'", "'async'", "'inline'", "'hostile_new'",
                "'a''b\"c\\d%s%n{},;'", "E'\\n\\t\\x01'", "'ـُ\u202eé😀'", "repeat('x', 64)", "repeat('é', 200)", "repeat('x', 1025)", "repeat('x', 100000)",
                "'pg_catalog'", "'dcb'", "'NOTIFY'", "'0'", "'999999999999999999'", "'-1'", "'public.x; DROP SCHEMA dcb'"}},
      // By the parameter's name.
      {"store", {"'hostile_good'", "NULL::text", "''", "'hostile_others'", "'hostile_empty'", "'hostile_columns'", "'hostile_types'", "'hostile_view'", "'hostile_bare'",
                 "'hostile_partitioned'", "'hostile_nowhere'", "'pg_catalog'", "'dcb'", "'public'", "'information_schema'", "'pg_toast'", "'Hostile_Good'", "'\"hostile_good\"'",
                 "'hostile_good.event'", "'a\"b'", "'a''b'", "repeat('s', 64)", "repeat('é', 40)", "repeat('s', 100000)", "'*'"}},
      {"name", {"'sub'", "NULL::text", "''", "'parts'", "'proj'", "'inl'", "'proj (rebuild)'", "'nobody'", "'a''b\"'", "repeat('x', 257)", "repeat('x', 100000)", "'NOTIFY'", "'customer'"}},
      {"partition_by", {"'t'", "NULL::text", "''", "'nobody'", "'t:1'", "repeat('x', 257)", "repeat('é', 200)"}},
      {"expression", {"'$.a'", "NULL::text", "''", "'$'", "'strict $.**.x'", "'$ ? ('", "'$.a ? (@ like_regex \"(\")'", "'lax $.x.y[*].type()'", "'$x'", "'$.a / 0'", "repeat('.a', 600)", "'a'"}},
      {"mark", {"'0'", "NULL::text", "''", "'1'", "'999999999999999999'", "'-1'", "'x'", "repeat('9', 1000)"}},
      {"bigint", {"1", "NULL::bigint", "0", "-1", "2", "3", "5", "1000", "4294967296", "9223372036854775807", "(-9223372036854775808)", "9223372036854775806"}},
      {"token", {"(SELECT c.token FROM hostile_good.checkpoint AS c WHERE c.name = 'sub')", "NULL::bigint", "0", "-1", "9223372036854775807"}},
      {"integer", {"1", "NULL::integer", "0", "-1", "2", "3", "100", "1024", "1025", "2147483647", "(-2147483648)"}},
      {"boolean", {"false", "NULL::boolean", "true"}},
      {"oid", {"'hostile_owner'::regrole::oid", "NULL::oid", "0::oid", "1::oid", "4294967295::oid"}},
      {"oidvector", {"''::oidvector", "NULL::oidvector", "'25'::oidvector", "'4294967295 0'::oidvector"}},
      {"regprocedure", {"'hostile_good.handle(dcb.stored_event)'::regprocedure", "NULL::regprocedure", "0::oid::regprocedure", "4294967295::oid::regprocedure",
                        "'dcb.all()'::regprocedure", "'pg_catalog.now()'::regprocedure", "'hostile_good.fails(dcb.stored_event)'::regprocedure",
                        "'hostile_good.handle(dcb.stored_event[])'::regprocedure", "'pg_catalog.count(\"any\")'::regprocedure"}},
      {"uuid", {uuid, "NULL::uuid", "'00000000-0000-0000-0000-000000000000'::uuid", "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid", "gen_random_uuid()"}},
      {"bytea", {"'\\x01'::bytea", "NULL::bytea", "''::bytea", "convert_to(repeat('x', 100000), 'UTF8')", "'\\x00ff00'::bytea"}},
      {"interval", {"interval '20 ms'", "NULL::interval", "interval '0'", "interval '-1 s'", "interval '178000000 years'", "interval '-178000000 years'",
                    "interval '1 mon -30 days'", "interval '1 microsecond'"}},
      {"timestamp with time zone", {"now()", "NULL::timestamptz", "'infinity'::timestamptz", "'-infinity'::timestamptz", "'4714-11-24 00:00:00+00 BC'::timestamptz",
                                    "'294276-12-31 23:59:59+00'::timestamptz", "'epoch'::timestamptz"}},
      {"jsonb", {R"('[{"type": "A", "tags": ["t:1"], "data": {"a": 1}}]'::jsonb)", "NULL::jsonb", "'null'::jsonb", "'[]'::jsonb", "'{}'::jsonb", "'1'::jsonb", "'\"A\"'::jsonb",
                 "'[null]'::jsonb", "'[[]]'::jsonb", "'[{}]'::jsonb", R"('{"a": [1, {"a": "x"}, null, true]}'::jsonb)", R"('[{"type": "A", "tags": "x"}]'::jsonb)",
                 R"('[{"type": "A", "payload": "!"}]'::jsonb)", R"('[{"type": "A", "data": null, "id": "x"}]'::jsonb)",
                 "(repeat('[', 5000) || repeat(']', 5000))::jsonb", "('[' || repeat('{\"type\":\"A\"},', 70000) || '{\"type\":\"A\"}]')::jsonb",
                 "('{\"a\":' || repeat('9', 10000) || '}')::jsonb", "('{\"a\":\"' || repeat('x', 100000) || '\"}')::jsonb"}},
      {"text[]", {"'{t:1}'::text[]", "NULL::text[]", "'{}'::text[]", "'{NULL}'::text[]", "'{a,NULL}'::text[]", "'{\"\"}'::text[]", "'{{a,b},{c,d}}'::text[]", "'[5:6]={a,b}'::text[]",
                  "ARRAY['A', 'A', 'A']", "array_fill('x'::text, ARRAY[5000])", "(SELECT array_agg('t' || n) FROM generate_series(1, 1024) AS n)",
                  "(SELECT array_agg('t' || n) FROM generate_series(1, 1025) AS n)", "ARRAY[repeat('x', 1024)]", "ARRAY[repeat('x', 1025)]", "array_fill('x'::text, ARRAY[2, 2, 2, 2])"}},
      {"dcb.query", {"dcb.query(tags => '{t:1}')", "NULL::dcb.query", "dcb.all()", "'{\"items\":[]}'::dcb.query", "'x'::dcb.query", "'{}'::jsonb::dcb.query",
                     "'{\"items\":[{\"after\":9223372036854775807}]}'::dcb.query", "'{\"items\":[{\"after\":-1}]}'::dcb.query", "'{\"items\":[{\"tags\":[1]}]}'::jsonb::dcb.query",
                     "dcb.query(types => '{A}', except_types => '{A}')", "dcb.query(types => '{A,B}', tags => '{t:1,t:2}', after => 3)",
                     "(SELECT dcb.query(tags => array_agg('t' || n)) FROM generate_series(1, 1024) AS n)",
                     "(SELECT dcb.any_of(VARIADIC array_agg(dcb.query(types => ARRAY['T' || n]))) FROM generate_series(1, 1024) AS n)",
                     "(SELECT dcb.any_of(VARIADIC array_agg(dcb.query(types => ARRAY['T' || n]))) FROM generate_series(1, 1025) AS n)",
                     "(repeat('[', 20000))::dcb.query", "('{\"items\":' || repeat('[', 20000))::dcb.query"}},
      {"dcb.query[]", {"ARRAY[dcb.all()]", "NULL::dcb.query[]", "'{}'::dcb.query[]", "ARRAY[NULL::dcb.query]", "ARRAY[dcb.all(), NULL]", "ARRAY[ARRAY[dcb.all()], ARRAY[dcb.query(types => '{A}')]]",
                       "array_fill(dcb.all(), ARRAY[3000])", "array_fill(dcb.query(types => '{A}'), ARRAY[100, 30])"}},
      {"dcb.new_event", {event, "NULL::dcb.new_event", "ROW(NULL, NULL, NULL, NULL, NULL, NULL)::dcb.new_event", "dcb.event('')", "dcb.event('A', 'null')"}},
      {"dcb.new_event[]", {"ARRAY[" + event + "]", "NULL::dcb.new_event[]", "'{}'::dcb.new_event[]", "ARRAY[NULL::dcb.new_event]", "ARRAY[" + event + ", NULL]",
                           "ARRAY[ROW(NULL, NULL, NULL, NULL, NULL, NULL)::dcb.new_event]", "ARRAY[dcb.event('')]", "ARRAY[dcb.event('A', tags => '{{a},{b}}')]",
                           "ARRAY[dcb.event('A', tags => '{NULL}')]", "ARRAY[dcb.event('A', 'null', metadata => 'null')]", "ARRAY[dcb.event('A', '[1]', payload => '', metadata => '1')]",
                           "ARRAY[ARRAY[" + event + "], ARRAY[" + event + "]]", "array_fill(" + event + ", ARRAY[300])", "array_fill(" + event + ", ARRAY[65537])",
                           "ARRAY[dcb.event('A', payload => convert_to(repeat('x', 1000000), 'UTF8'))]"}},
      {"dcb.command[]", {"ARRAY[dcb.command(ARRAY[" + event + "])]", "NULL::dcb.command[]", "'{}'::dcb.command[]", "ARRAY[NULL::dcb.command]",
                         "ARRAY[ROW(NULL, NULL, NULL, NULL)::dcb.command]", "ARRAY[dcb.command('{}')]", "ARRAY[dcb.command(ARRAY[NULL::dcb.new_event])]",
                         "ARRAY[dcb.command(ARRAY[" + event + "], after => -1), dcb.command(ARRAY[" + event + "], dcb.all(), 9223372036854775807)]",
                         "ARRAY[ARRAY[dcb.command(ARRAY[" + event + "])], ARRAY[dcb.command(ARRAY[" + event + "])]]",
                         "ARRAY[dcb.command(ARRAY[" + event + "], append_id => " + uuid + "), dcb.command(ARRAY[dcb.event('B')], append_id => " + uuid + ")]",
                         "array_fill(dcb.command(ARRAY[" + event + "], dcb.all(), 1), ARRAY[500])"}},
      {"dcb.outcome[]", {"NULL::dcb.outcome[]", "'{}'::dcb.outcome[]", "ARRAY[NULL::dcb.outcome]"}},
      {"dcb.stored_event", {"ROW(1, 'A', '{}', '{}', NULL, NULL, NULL, now())::dcb.stored_event", "NULL::dcb.stored_event"}},
      {"dcb.stored_event[]", {"'{}'::dcb.stored_event[]", "NULL::dcb.stored_event[]"}},
      {"cstring", {"'{\"items\":[{}]}'::cstring", "NULL::cstring", "''::cstring", "'{'::cstring", "repeat('{\"items\":', 5000)::cstring"}},
      {"internal", {"NULL"}},  // SQL has no values of it, and such functions are strict
  };
  return all;
}

}  // namespace hostile
