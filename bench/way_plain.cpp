#include "way.hpp"

namespace bench {
namespace {

const statement one{"one", "SELECT 1"};
const statement insert{"plain_insert",
                       "INSERT INTO plain.event (type, tags, data, payload, metadata, id) "
                       "VALUES ($1::text, $2::text[], $3::jsonb, $4::bytea, NULL, NULL) RETURNING position"};

parameters& row(session& client) {
  const auto what = random_event(client.random, client.random.below(100'000));
  return client.with()
      .text(what.type)
      .texts(std::vector<std::string_view>{what.of.number, what.of.customer, what.of.shop})
      .jsonb("{}")
      .text(what.payload);
}

class selecting_one : public way {
 public:
  void prepare(session& client) const override { client.prepare(one); }
  operation once(session& client) override { co_await client.run(one, client.with()); }
};

class inserting : public way {
 public:
  void prepare(session& client) const override { client.prepare(insert); }
  operation once(session& client) override {
    auto& values = row(client);
    co_await client.run(insert, values);
    ++client.counts.events;
  }
};

class selecting_one_and_inserting : public inserting {
 public:
  void prepare(session& client) const override {
    client.prepare(one);
    client.prepare(insert);
  }
  operation once(session& client) override {
    co_await client.run(one, client.with());
    auto& values = row(client);
    co_await client.run(insert, values);
    ++client.counts.events;
  }
};

class copying_in : public way {
 public:
  explicit copying_in(int events) : events_(events) {}
  void prepare(session&) const override {}
  operation once(session& client) override {
    fill(client);
    co_await client.copy_in("COPY indexed.event (type, tags, data, payload) FROM STDIN (FORMAT binary)", client.scratch);
    client.counts.events += static_cast<std::uint64_t>(events_);
  }

 private:
  void fill(session& client) const {
    auto& out = client.scratch;
    out.assign("PGCOPY\n\377\r\n\0", 11);
    put<std::int32_t>(out, 0);  // flags
    put<std::int32_t>(out, 0);  // length of an extension of the header
    for (int i = 0; i < events_; ++i) {
      const auto what = random_event(client.random, client.random.below(100'000));
      put<std::int16_t>(out, 4);
      put_text(out, what.type);
      put_texts(out, std::vector<std::string_view>{what.of.number, what.of.customer, what.of.shop});
      put_jsonb(out, "{}");
      put_text(out, what.payload);
    }
    put<std::int16_t>(out, -1);
  }

  int events_;
};

class copying_out : public way {
 public:
  explicit copying_out(const log& from) : sql_("COPY " + from.name + ".event TO STDOUT (FORMAT binary)") {}
  void prepare(session&) const override {}
  operation once(session& client) override { co_await client.copy_out(sql_); }

 private:
  std::string sql_;
};

}  // namespace

way_ptr select_one() { return std::make_shared<selecting_one>(); }
way_ptr plain_insert() { return std::make_shared<inserting>(); }
way_ptr select_one_and_insert() { return std::make_shared<selecting_one_and_inserting>(); }
way_ptr copy_in(int events) { return std::make_shared<copying_in>(events); }
way_ptr copy_out(log& from) { return std::make_shared<copying_out>(from); }

}  // namespace bench
