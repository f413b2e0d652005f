#include <chrono>
#include <functional>

#include "company.hpp"
#include "way.hpp"

namespace bench {
namespace {

constexpr std::string_view no_data = "{}";
// State is kept rather than read again from the beginning once it takes this many events.
constexpr int worth_keeping = 20;

const statement append_function{"dcb_append", "SELECT dcb.append($1::text, $2::dcb.new_event[], $3::dcb.query, $4::bigint, NULL::uuid)"};
const statement append_procedure{"dcb_submit", "CALL dcb.submit($1::text, $2::dcb.new_event[], $3::dcb.query, $4::bigint, NULL::uuid, NULL::bigint)"};
const statement head{"dcb_head", "SELECT dcb.head($1::text)"};
const statement read{"dcb_read",
                     "SELECT position, type, tags, data, payload, metadata, id, recorded_at "
                     "FROM dcb.read($1::text, $2::dcb.query, $3::bigint, $4::bigint)"};

const statement wait_for_query{"dcb_wait_for_query", "CALL dcb.wait_for_query($1::text, $2::dcb.query, $3::bigint, '1 min', NULL::boolean)"};
const statement begin{"dcb_begin", "BEGIN"};
const statement lock_tags{"dcb_lock_tags", "SELECT dcb.lock_tags($1::text, $2::text[])"};
const statement commit{"dcb_commit", "COMMIT"};

const statement& append_statement(append_by how) { return how == append_by::function ? append_function : append_procedure; }

// The attributes of dcb.new_event, in its order and with their types.
void put_event(std::string& out, const event& what) {
  const std::string_view tags[] = {what.of.number, what.of.customer, what.of.shop};
  put_sized(out, [&] {
    put<std::int32_t>(out, 6);
    put<Oid>(out, text_oid);
    put_text(out, what.type);
    put<Oid>(out, 3802);  // jsonb
    put_jsonb(out, no_data);
    put<Oid>(out, 1009);  // text[]
    put_texts(out, tags);
    put<Oid>(out, 3802);
    put_null(out);      // metadata
    put<Oid>(out, 17);  // bytea
    put_text(out, what.payload);
    put<Oid>(out, 2950);  // uuid
    put_null(out);
  });
}

void put_short_texts(std::string& out, std::span<const std::string_view> values) {
  put(out, static_cast<std::int16_t>(values.size()));
  for (const auto value : values) {
    put(out, static_cast<std::int16_t>(value.size()));
    out += value;
  }
}

// A query of one item.
void put_query(std::string& out, std::span<const std::string_view> types, std::span<const std::string_view> tags) {
  out.push_back(1);  // version of the format
  put<std::int16_t>(out, 1);
  out.push_back(0);  // no `after` of its own
  put_short_texts(out, types);
  put_short_texts(out, {});
  put_short_texts(out, tags);
}

void put_cart_query(std::string& out, const cart& of) { put_query(out, {}, std::vector<std::string_view>{of.number, of.customer}); }

parameters& append_parameters(session& client, const log& to, Oid type, int events, std::int64_t cart_number) {
  return client.with().text(to.name).raw([&](std::string& out) {
    put_array_header(out, type, static_cast<std::size_t>(events));
    for (int i = 0; i < events; ++i) put_event(out, random_event(client.random, i == 0 ? cart_number : client.random.below(to.carts())));
  });
}

class dcb_way : public way {
 protected:
  dcb_way(log& store, append_by how, chooser carts) : store_(store), append_(append_statement(how)), carts_(std::move(carts)) {}

  void prepare(session& client) const override {
    client.prepare(append_);
    client.prepare(head);
    client.prepare(read);
    if (!client.event_type) client.event_type = static_cast<Oid>(client.execute("SELECT 'dcb.new_event'::regtype::oid::bigint").int8(0, 0));
  }

  log& store_;
  const statement& append_;
  chooser carts_;
};

class append_events : public dcb_way {
 public:
  append_events(log& to, append_by how, batch what, chooser carts) : dcb_way(to, how, std::move(carts)), what_(what) {}

  operation once(session& client) override {
    for (;;) {
      if (what_.conditional && client.head == 0) {
        const result seen = co_await client.run(head, client.with().text(store_.name));
        client.head = seen.int8(0, 0);
      }
      auto& values = request(client);
      const result answer = co_await client.run(append_, values);
      if (!answer.conflict()) {
        client.head = answer.int8(0, 0);
        client.counts.events += static_cast<std::uint64_t>(what_.events);
        co_return;
      }
      ++client.counts.conflicts;
      client.head = 0;
    }
  }

 private:
  parameters& request(session& client) {
    const auto number = carts_.next(client);
    auto& values = append_parameters(client, store_, client.event_type, what_.events, number);
    if (!what_.conditional) return values.null().int8(0);
    return values.raw([&](std::string& out) { put_cart_query(out, cart_of(number)); }).int8(client.head);
  }

  batch what_;
};

class decide : public dcb_way {
 public:
  decide(log& in, append_by how, chooser carts) : dcb_way(in, how, std::move(carts)) {}

  operation once(session& client) override {
    const auto number = carts_.next(client);
    for (;;) {
      auto& question = read_parameters(client, number);
      auto after = store_.read_until(number);
      {
        const result events = co_await client.run(read, question);
        client.counts.rows += static_cast<std::uint64_t>(events.rows());
        if (events.rows() > 0) after = events.int8(events.rows() - 1, 0);
        if (events.rows() >= worth_keeping) store_.read_until(number) = after;
      }
      auto& values = request(client, number, after);
      const result answer = co_await client.run(append_, values);
      if (!answer.conflict()) {
        ++client.counts.events;
        co_return;
      }
      ++client.counts.conflicts;
    }
  }

 protected:
  parameters& read_parameters(session& client, std::int64_t number) {
    return client.with()
        .text(store_.name)
        .raw([&](std::string& out) { put_cart_query(out, cart_of(number)); })
        .int8(store_.read_until(number))
        .null();
  }

  parameters& request(session& client, std::int64_t number, std::int64_t after) {
    return append_parameters(client, store_, client.event_type, 1, number)
        .raw([&](std::string& out) { put_cart_query(out, cart_of(number)); })
        .int8(after);
  }
};

// The same, waiting in line for the cart first: one transaction in two round trips, which nobody in the line can make a conflict of.
class decide_in_line : public decide {
 public:
  explicit decide_in_line(log& in, chooser carts) : decide(in, append_by::function, std::move(carts)) {}

  void prepare(session& client) const override {
    decide::prepare(client);
    client.prepare(begin);
    client.prepare(lock_tags);
    client.prepare(commit);
  }

  operation once(session& client) override {
    const auto number = carts_.next(client);
    for (;;) {
      client.queue(begin, client.with());
      const auto of = cart_of(number);
      const std::string_view line[] = {of.number};
      client.queue(lock_tags, client.with().text(store_.name).texts(line));
      client.queue(read, read_parameters(client, number));
      auto after = store_.read_until(number);
      {
        const result events = co_await client.finish();
        client.counts.rows += static_cast<std::uint64_t>(events.rows());
        if (events.rows() > 0) after = events.int8(events.rows() - 1, 0);
        if (events.rows() >= worth_keeping) store_.read_until(number) = after;
      }
      client.queue(append_, request(client, number, after));
      client.queue(commit, client.with());
      const result answer = co_await client.finish();
      if (!answer.conflict()) {
        ++client.counts.events;
        co_return;
      }
      ++client.counts.conflicts;
      co_await client.command("ROLLBACK");
    }
  }

};

class mix : public decide {
 public:
  using decide::decide;

  operation once(session& client) override { return client.random.below(10) < 2 ? decide::once(client) : look(client); }

 private:
  operation look(session& client) {
    auto& question = read_parameters(client, carts_.next(client));
    const result events = co_await client.run(read, question);
    client.counts.rows += static_cast<std::uint64_t>(events.rows());
  }
};

// Waits for events of a tag, and reads them.
class follow : public way {
 public:
  follow(log& of, std::function<std::string(const session&)> tag) : store_(of), tag_(std::move(tag)) {}

  void prepare(session& client) const override {
    client.prepare(wait_for_query);
    client.prepare(read);
    client.prepare(head);
  }

  operation once(session& client) override {
    const auto question = [tag = tag_(client)](std::string& out) { put_query(out, {}, std::vector<std::string_view>{tag}); };
    if (client.head == 0) client.head = (co_await client.run(head, client.with().text(store_.name))).int8(0, 0);
    client.queue(wait_for_query, client.with().text(store_.name).raw(question).int8(client.head));
    client.queue(read, client.with().text(store_.name).raw(question).int8(client.head).null());
    const result events = co_await client.finish();
    if (events.rows() == 0) co_return;
    client.head = events.int8(events.rows() - 1, 0);
    client.counts.rows += static_cast<std::uint64_t>(events.rows());
    take(client, events);
  }

 private:
  virtual void take(session&, const result&) const {}

  log& store_;
  std::function<std::string(const session&)> tag_;
};

class wake_up : public follow {
 public:
  explicit wake_up(log& of) : follow(of, [](const session&) { return slow_tag; }) {}

 private:
  void take(session& client, const result& events) const override {
    client.began.emplace(std::chrono::steady_clock::duration{std::stoll(events.text(events.rows() - 1, 3).substr(1))});  // jsonb's version stands first
  }
};

class read_events : public way {
 public:
  read_events(log& from, reading what, chooser carts) : store_(from), what_(what), carts_(std::move(carts)) {}

  void prepare(session& client) const override { client.prepare(read); }

  operation once(session& client) override {
    auto& question = request(client);
    if (what_ == reading::everything || what_ == reading::shop_tag) {
      co_await client.stream(read, question);
    } else {
      const result events = co_await client.run(read, question);
      client.counts.rows += static_cast<std::uint64_t>(events.rows());
    }
  }

 private:
  parameters& request(session& client) {
    const auto of = cart_of(carts_.next(client));
    auto& values = client.with().text(store_.name).raw([&](std::string& out) { put_question(out, of); }).int8(0);
    return what_ == reading::type_page || what_ == reading::first_page ? values.int8(100) : values.null();
  }

  void put_question(std::string& out, const cart& of) const {
    using tags = std::vector<std::string_view>;
    switch (what_) {
      case reading::cart: return put_query(out, {}, tags{of.number, of.customer});
      case reading::cart_tag: return put_query(out, {}, tags{of.number});
      case reading::customer: return put_query(out, {}, tags{of.customer, of.shop});
      case reading::customer_tag: return put_query(out, {}, tags{of.customer});
      case reading::shop_tag: return put_query(out, {}, tags{of.shop});
      case reading::type_page: return put_query(out, {event_types, 1}, {});
      case reading::first_page:
      case reading::everything: return put_query(out, {}, {});
    }
  }

  log& store_;
  reading what_;
  chooser carts_;
};

}  // namespace

way_ptr dcb_append(log& to, append_by how, batch what, chooser carts) { return std::make_shared<append_events>(to, how, what, std::move(carts)); }

way_ptr dcb_decision(log& in, append_by how, chooser carts) { return std::make_shared<decide>(in, how, std::move(carts)); }

way_ptr dcb_decision_in_line(log& in, chooser carts) { return std::make_shared<decide_in_line>(in, std::move(carts)); }

way_ptr dcb_wake_up(log& of) { return std::make_shared<wake_up>(of); }
way_ptr dcb_subscriber(log& of, awaited whom) {
  const auto first = whom == awaited::customers ? 0 : of.carts();
  return std::make_shared<follow>(of, [first](const session& client) { return cart_of(first + client.index * 1000).customer; });
}

way_ptr dcb_mixed(log& in, append_by how, chooser carts) { return std::make_shared<mix>(in, how, std::move(carts)); }

way_ptr dcb_read(log& from, reading what, chooser carts) { return std::make_shared<read_events>(from, what, std::move(carts)); }

}  // namespace bench
