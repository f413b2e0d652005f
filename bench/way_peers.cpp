#include "way.hpp"

// Each peer as its own client library talks to it: the same statements in the same round trips and transactions.
namespace bench {
namespace {

constexpr int worth_keeping = 20;

// ---- Disintegrate: peers/disintegrate.sql

constexpr const char* serializable = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE";
const statement announce{"dis_announce", "SELECT disintegrate.announce_writer()"};

// A query over the four types of event with a cart and a customer, spelled out per type as its query builder does.
std::string per_type_condition() {
  std::string sql;
  for (const auto type : event_types) {
    if (!sql.empty()) sql += " OR ";
    sql += "(event_type = '" + std::string{type} + "' AND cart = $1::text AND customer = $2::text)";
  }
  return "event_id > $3::bigint AND (" + sql + ")";
}

const statement dis_read{"dis_read",
                         "SELECT event.event_id, event.payload, trusted.position "
                         "FROM (VALUES (disintegrate.trusted_position())) AS trusted (position) "
                         "LEFT JOIN disintegrate.event ON event.event_id <= trusted.position AND (" +
                             per_type_condition() + ") ORDER BY event_id"};
const statement dis_exists{"dis_exists", "SELECT EXISTS (SELECT 1 FROM disintegrate.event WHERE " + per_type_condition() + ")"};

statement dis_insert(int events) {
  std::string sql = "INSERT INTO disintegrate.event (event_type, payload, cart, customer, shop) VALUES ";
  for (int i = 0; i < events; ++i) {
    sql += i == 0 ? "(" : ", (";
    for (int column = 1; column <= 5; ++column)
      sql += (column == 1 ? "$" : ", $") + std::to_string(5 * i + column) + (column == 2 ? "::bytea" : "::text");
    sql += ")";
  }
  return {"dis_insert_" + std::to_string(events), sql + " RETURNING event_id"};
}

parameters& condition(session& client, const cart& of, std::int64_t after) { return client.with().text(of.number).text(of.customer).int8(after); }

class disintegrate_way : public way {
 public:
  disintegrate_way(log& to, int events) : store_(to), insert_(dis_insert(events)), events_(events) {}

  void prepare(session& client) const override {
    client.prepare(announce);
    client.prepare(dis_read);
    client.prepare(dis_exists);
    client.prepare(insert_);
  }

 protected:
  parameters& rows(session& client, std::int64_t first_cart) const {
    auto& values = client.with();
    for (int i = 0; i < events_; ++i) {
      const auto what = random_event(client.random, i == 0 ? first_cart : client.random.below(store_.carts()));
      values.text(what.type).text(what.payload).text(what.of.number).text(what.of.customer).text(what.of.shop);
    }
    return values;
  }

  log& store_;
  statement insert_;
  int events_;
};

class disintegrate_appending : public disintegrate_way {
 public:
  using disintegrate_way::disintegrate_way;

  operation once(session& client) override {
    co_await client.command("BEGIN");
    co_await client.run(announce, client.with());
    auto& values = rows(client, client.random.below(store_.carts()));
    co_await client.run(insert_, values);
    co_await client.command("COMMIT");
    client.counts.events += static_cast<std::uint64_t>(events_);
  }
};

class disintegrate_deciding : public disintegrate_way {
 public:
  disintegrate_deciding(log& in, chooser carts, bool reads) : disintegrate_way(in, 1), carts_(std::move(carts)), reads_(reads) {}

  operation once(session& client) override {
    const auto number = carts_.next(client);
    const auto of = cart_of(number);
    for (;;) {
      if (reads_ || client.head == 0) {
        auto& question = condition(client, of, store_.read_until(number));
        const result events = co_await client.run(dis_read, question);
        client.head = events.int8(0, 2);
        if (!events.is_null(0, 0)) client.counts.rows += static_cast<std::uint64_t>(events.rows());
        if (events.rows() >= worth_keeping) store_.read_until(number) = client.head;
      }
      co_await client.command("BEGIN");
      co_await client.command(serializable);
      co_await client.run(announce, client.with());
      auto& question = condition(client, of, client.head);
      const result found = co_await client.run(dis_exists, question);
      bool open = found.conflict() || found.boolean(0, 0);
      if (!open) {
        auto& values = rows(client, number);
        const result stored = co_await client.run(insert_, values);
        open = stored.conflict();
        if (!open) {
          const result committed = co_await client.command("COMMIT");
          if (!committed.conflict()) {
            client.head = stored.int8(0, 0);
            ++client.counts.events;
            co_return;
          }
        }
      }
      if (open) co_await client.command("ROLLBACK");
      ++client.counts.conflicts;
      client.head = 0;
    }
  }

 private:
  chooser carts_;
  bool reads_;
};

// ---- eventsourcing: peers/pyeventsourcing.sql

const statement py_head{"py_head", "SELECT max(id) FROM pyeventsourcing.event"};
const statement py_read{"py_read", R"(
  WITH item AS (SELECT * FROM unnest($1::pyeventsourcing.query_item[]) WITH ORDINALITY),
  candidate AS (
    SELECT t.event_id, t.tag, i.ordinality, i.types, i.tags
    FROM item i JOIN pyeventsourcing.tag t ON t.tag = ANY (i.tags)
    WHERE t.event_id > coalesce($2::bigint, 0)),
  counted AS (
    SELECT event_id, ordinality, types, array_length(tags, 1) AS wanted, count(DISTINCT tag) AS hits
    FROM candidate GROUP BY event_id, ordinality, wanted, types),
  complete AS (SELECT event_id, types FROM counted WHERE hits = wanted),
  matching AS (
    SELECT e.id FROM pyeventsourcing.event e JOIN complete c ON c.event_id = e.id
    WHERE e.id > coalesce($2::bigint, 0) AND (coalesce(array_length(c.types, 1), 0) = 0 OR e.type = ANY (c.types))
    ORDER BY e.id LIMIT coalesce($3::bigint, 9223372036854775807))
  SELECT * FROM pyeventsourcing.event e WHERE e.id IN (SELECT id FROM matching) ORDER BY e.id)"};
const statement py_append{"py_append", "SELECT * FROM pyeventsourcing.append($1::pyeventsourcing.event_to_append[])"};
const statement py_append_if{"py_append_if",
                             "SELECT * FROM pyeventsourcing.append_if($1::pyeventsourcing.query_item[], $2::bigint, "
                             "$3::pyeventsourcing.event_to_append[])"};

class eventsourcing_way : public way {
 public:
  eventsourcing_way(log& to, int events) : store_(to), events_(events) {}

  void prepare(session& client) const override {
    for (const auto* what : {&py_head, &py_read, &py_append, &py_append_if}) client.prepare(*what);
    if (client.peer_types[0]) return;
    const auto types =
        client.execute("SELECT 'pyeventsourcing.query_item'::regtype::oid::bigint, 'pyeventsourcing.event_to_append'::regtype::oid::bigint");
    for (const int i : {0, 1}) client.peer_types[i] = static_cast<Oid>(types.int8(0, i));
  }

 protected:
  static void put_query(std::string& out, session& client, const cart& of) {
    put_array_header(out, client.peer_types[0], 1);
    put_sized(out, [&] {
      put<std::int32_t>(out, 2);
      put<Oid>(out, 1009);  // text[]
      put_texts(out, {});
      put<Oid>(out, 1009);
      put_texts(out, std::vector<std::string_view>{of.number, of.customer});
    });
  }

  void put_events(std::string& out, session& client, std::int64_t first_cart) const {
    put_array_header(out, client.peer_types[1], static_cast<std::size_t>(events_));
    for (int i = 0; i < events_; ++i) {
      const auto what = random_event(client.random, i == 0 ? first_cart : client.random.below(store_.carts()));
      put_sized(out, [&] {
        put<std::int32_t>(out, 5);
        put<Oid>(out, text_oid);
        put_text(out, what.type);
        put<Oid>(out, 17);  // bytea
        put_text(out, what.payload);
        put<Oid>(out, 1009);
        put_texts(out, std::vector<std::string_view>{what.of.number, what.of.customer, what.of.shop});
        put<Oid>(out, 2950);  // uuid
        put_null(out);
        put<Oid>(out, 3802);  // jsonb
        put_jsonb(out, "{}");
      });
    }
  }

  log& store_;
  int events_;
};

class eventsourcing_appending : public eventsourcing_way {
 public:
  using eventsourcing_way::eventsourcing_way;

  operation once(session& client) override {
    auto& values = request(client);
    co_await client.run(py_append, values);
    client.counts.events += static_cast<std::uint64_t>(events_);
  }

 private:
  parameters& request(session& client) const {
    return client.with().raw([&](std::string& out) { put_events(out, client, client.random.below(store_.carts())); });
  }
};

class eventsourcing_deciding : public eventsourcing_way {
 public:
  eventsourcing_deciding(log& in, chooser carts, bool reads) : eventsourcing_way(in, 1), carts_(std::move(carts)), reads_(reads) {}

  operation once(session& client) override {
    const auto number = carts_.next(client);
    for (;;) {
      if (reads_ || client.head == 0) {
        const result newest = co_await client.run(py_head, client.with());
        client.head = newest.int8(0, 0);
      }
      if (reads_) {
        auto& question = read_parameters(client, number);
        const result events = co_await client.run(py_read, question);
        client.counts.rows += static_cast<std::uint64_t>(events.rows());
        if (events.rows() > 0) client.head = std::max(client.head, events.int8(events.rows() - 1, 0));
        if (events.rows() >= worth_keeping) store_.read_until(number) = client.head;
      }
      auto& values = append_parameters(client, number);
      const result stored = co_await client.run(py_append_if, values);
      if (stored.rows() == 1) {
        client.head = stored.int8(0, 0);
        ++client.counts.events;
        co_return;
      }
      ++client.counts.conflicts;
      client.head = 0;
    }
  }

 private:
  parameters& read_parameters(session& client, std::int64_t number) {
    return client.with().raw([&](std::string& out) { put_query(out, client, cart_of(number)); }).int8(store_.read_until(number)).null();
  }
  parameters& append_parameters(session& client, std::int64_t number) const {
    return client.with().raw([&](std::string& out) { put_query(out, client, cart_of(number)); }).int8(client.head).raw([&](std::string& out) {
      put_events(out, client, number);
    });
  }

  chooser carts_;
  bool reads_;
};

}  // namespace

way_ptr disintegrate_append(log& to, int events) { return std::make_shared<disintegrate_appending>(to, events); }
way_ptr disintegrate_conditional_append(log& to, chooser carts) { return std::make_shared<disintegrate_deciding>(to, std::move(carts), false); }
way_ptr disintegrate_decision(log& in, chooser carts) { return std::make_shared<disintegrate_deciding>(in, std::move(carts), true); }

way_ptr eventsourcing_append(log& to, int events) { return std::make_shared<eventsourcing_appending>(to, events); }
way_ptr eventsourcing_conditional_append(log& to, chooser carts) { return std::make_shared<eventsourcing_deciding>(to, std::move(carts), false); }
way_ptr eventsourcing_decision(log& in, chooser carts) { return std::make_shared<eventsourcing_deciding>(in, std::move(carts), true); }

}  // namespace bench
