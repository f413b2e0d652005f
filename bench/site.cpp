#include "workloads.hpp"

#include <fstream>
#include <iostream>
#include <iterator>

namespace bench {
namespace {

std::string name_of(std::int64_t events) {
  return "log_" + (events % 1'000'000 ? std::to_string(events / 1'000) + "k" : std::to_string(events / 1'000'000) + "m");
}

void run_file(session& on, const std::string& path) {
  std::ifstream file{path};
  if (!file) throw std::runtime_error("cannot read " + path);
  on.script({std::istreambuf_iterator<char>{file}, {}});
}

// A server that has been running for a while writes its log into files that it has written before, instead of making new ones; here as many as
// the run may need, as far as min_wal_size keeps them.
void make_log_files(session& on, std::int64_t events) {
  const auto files =
      on.execute("SELECT least(setting::bigint / 16, " + std::to_string(events / 2'000) + ") FROM pg_settings WHERE name = 'min_wal_size'");
  on.script("DO $$ BEGIN FOR i IN 1.." + std::to_string(files.int8(0, 0)) +
            " LOOP PERFORM pg_logical_emit_message(false, 'bench', ''), pg_switch_wal(); END LOOP; END $$");
  on.script("CHECKPOINT");
}

// A procedure that commits has to stand alone.
void fill(session& on, const std::string& what, const std::string& call) {
  std::cerr << "filling " << what << "..." << std::endl;
  on.script("CALL " + call);
}

space space_of(session& on, const std::string& table) {
  const auto sizes = on.execute("SELECT count(*), pg_table_size('" + table + "'), pg_indexes_size('" + table + "') FROM " + table);
  const auto events = sizes.int8(0, 0);
  const auto per_event = [&](int column) { return static_cast<double>(sizes.int8(0, column)) / static_cast<double>(events); };
  return {table, events, per_event(1), per_event(2)};
}

}  // namespace

site make_site(server& where, std::int64_t small, std::int64_t main, std::int64_t large) {
  return {where, {name_of(small), small}, {name_of(main), main}, {name_of(large), large}, {"disintegrate", main}, {"pyeventsourcing", main}};
}

void set_up(site& at, const plan& how, const std::string& sql, bool first) {
  auto& on = at.where.control();
  run_file(on, sql + "/shop.sql");
  make_log_files(on, at.main.events + at.large.events);
  for (const auto* store : {&at.small, &at.main, &at.large}) {
    if (store->events == 0) continue;
    on.script("SELECT dcb.create_store('" + store->name + "')");
    fill(on, "a store with " + store->label() + " events", "bench.fill_store('" + store->name + "', " + std::to_string(store->events) + ")");
  }
  if (first) {
    const auto events = std::to_string(at.main.events);
    run_file(on, sql + "/plain.sql");
    fill(on, "a plain table with the same indexes", "indexed.fill(" + events + ")");
    for (const auto* peer : {&at.disintegrate, &at.pyeventsourcing}) {
      if (!how.peers) continue;
      run_file(on, sql + "/peers/" + peer->name + ".sql");
      fill(on, "the tables of " + peer->name, peer->name + ".fill(" + events + ")");
    }
  }
  on.script("VACUUM ANALYZE");
}

std::vector<space> spaces(site& at, bool peers) {
  auto& on = at.where.control();
  std::vector<space> all{space_of(on, at.main.name + ".event"), space_of(on, "indexed.event")};
  if (peers) {
    all.push_back(space_of(on, "disintegrate.event"));
    // An event's part of the table of tags counts as one of its indexes.
    auto event = space_of(on, "pyeventsourcing.event");
    const auto tags = space_of(on, "pyeventsourcing.tag");
    event.indexes += (tags.heap + tags.indexes) * static_cast<double>(tags.events) / static_cast<double>(event.events);
    all.push_back(event);
  }
  return all;
}

double content_of_event(site& at) {
  const auto bytes = at.where.control().execute(
      "SELECT avg(octet_length(payload) + (SELECT sum(octet_length(tag)) FROM unnest(tags) tag))::bigint FROM (SELECT * FROM " + at.main.name +
      ".event LIMIT 10000) sample");
  return static_cast<double>(bytes.int8(0, 0));
}

}  // namespace bench
