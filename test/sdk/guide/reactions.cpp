// The C++ of docs/guide/reactions-cpp.md.
#include <dcb/dcb.hpp>
#include <dcb/rehearsal.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <variant>

namespace {

using namespace std::chrono_literals;

struct ItemAdded { dcb::id<> cart_id, item_id; int quantity; };
struct ItemRemoved { dcb::id<> cart_id, item_id; };
struct CartCheckedOut { dcb::id<> cart_id; };
struct CartAbandoned { dcb::id<> cart_id; };
struct PointsGranted { dcb::id<> cart_id; int points; };
using ShopEvent = std::variant<ItemAdded, ItemRemoved, CartCheckedOut, CartAbandoned, PointsGranted>;

struct CartView {
  static constexpr auto name = "cart-view";

  void handle(dcb::transaction& tx, const ItemAdded& e) const {
    tx.exec("INSERT INTO cart_item VALUES ($1, $2, $3)", e.cart_id, e.item_id, e.quantity);
  }
  void handle(dcb::transaction& tx, const ItemRemoved& e) const {
    tx.exec("DELETE FROM cart_item WHERE cart_id = $1 AND item_id = $2", e.cart_id, e.item_id);
  }
};

struct mail_provider {
  std::set<std::string> keys{};
  void send(const std::string&, const std::string& key) { keys.insert(key); }
};

struct CheckoutMail {
  static constexpr auto name = "checkout-mail";
  static constexpr auto on_failure = dcb::failure_policy::park_after(8);
  mail_provider* provider;

  void react(const CartCheckedOut& e, const dcb::meta& m) const { provider->send(e.cart_id, m.dedup_key().to_string()); }
};

struct TeaSales {
  static constexpr auto name = "tea-sales";
  static constexpr int batch_size = 500;
  static constexpr auto on_failure = dcb::failure_policy::stop_after(3);
  static constexpr auto partition_by = "cart_id";
  static constexpr int partitions = 8;

  dcb::event_query query() const { return dcb::query<ItemAdded>(dcb::tag("item_id", "tea")); }

  void handle(dcb::transaction& tx, const ItemAdded& e) const { tx.exec("UPDATE sales SET n = n + $2 WHERE cart_id = $1", e.cart_id, e.quantity); }
};

struct Points {
  dcb::id<> cart_id;
  int items = 0;
  bool granted = false;
  void apply(const ItemAdded& e)   { items += e.quantity; }
  void apply(const PointsGranted&) { granted = true; }
};

struct GrantPoints {
  std::string cart_id;
  auto states() const { return Points{cart_id}; }
  dcb::decided<ShopEvent, std::string> decide(const Points& points) const {
    if (points.granted) return dcb::nothing;
    return PointsGranted{cart_id, 10 * points.items};
  }
};

struct AfterCheckout {
  static constexpr auto name = "after-checkout";

  auto when(const CartCheckedOut& e) const { return GrantPoints{e.cart_id}; }

  auto when(const ItemAdded& e, const dcb::meta& m) const {
    return dcb::at(m.recorded_at + 24h, CartAbandoned{e.cart_id}).unless(dcb::query<ItemAdded, CartCheckedOut>(dcb::tag("cart_id", *e.cart_id)));
  }
};

struct CartView2 {
  static constexpr auto name = "cart-view-2";
  static constexpr auto replaces = "cart-view";

  void handle(dcb::transaction& tx, const ItemAdded& e) const {
    tx.exec("INSERT INTO cart_item_2 VALUES ($1, $2, $3, now())", e.cart_id, e.item_id, e.quantity);
  }
  void swap(dcb::transaction& tx) const {
    tx.exec("CREATE OR REPLACE VIEW cart_items AS SELECT cart_id, item_id, quantity FROM cart_item_2");
    tx.exec("DROP TABLE cart_item");
  }
};

struct Metrics : dcb::runner_observer {
  void batch_applied(const dcb::batch_report& batch) noexcept override { handled += batch.events; }
  void parked(const dcb::failure_report&) noexcept override { ++in_the_hospital; }
  std::atomic<std::int64_t> handled = 0, in_the_hospital = 0;
};

TEST(guide_reactions, has_a_status_for_each_partition) {
  dcb::memory_store<ShopEvent> store;
  dcb::runner runner{store};
  runner.add(TeaSales{});
  runner.create();
  EXPECT_EQ(runner.status().size(), 8u);
}

TEST(guide_reactions, runs) {
  dcb::memory_store<ShopEvent> store;
  mail_provider provider;
  Metrics metrics;
  std::stop_source stop;
  // clang-format off
  dcb::runner runner{store, {.watch = &metrics}};
  runner.add(CartView{}).add(CheckoutMail{&provider}).add(AfterCheckout{});
  // clang-format on
  runner.create();
  std::jthread thread{[&] { runner.run(stop.get_token()); }};

  store.append(ItemAdded{"c1", "tea", 2});
  const auto position = store.append(CartCheckedOut{"c1"});
  EXPECT_TRUE(dcb::wait_until(store, "cart-view", position));
  EXPECT_TRUE(runner.wait_until(position));
  for (const auto& row : runner.status()) EXPECT_EQ(row.state, dcb::subscription_state::active) << row.reason.value_or("");
  stop.request_stop();
  thread.join();
  EXPECT_EQ(provider.keys.size(), 1u);
  EXPECT_GE(metrics.handled, 4);
  EXPECT_EQ(store.count(dcb::query<PointsGranted>()), 1);
}

TEST(guide_reactions, operates) {
  dcb::memory_store<ShopEvent> store;
  dcb::runner runner{store};
  runner.add(CartView{});
  runner.run_once();
  auto& reactions = store.log().reactions();
  for (const auto& parked : reactions.parked("cart-view")) ADD_FAILURE() << parked.reason;
  const auto outcome = runner.replay("cart-view");
  EXPECT_EQ(outcome.replayed, 0);
  reactions.pause("cart-view");
  reactions.resume("cart-view");
  reactions.rewind("cart-view", 0);
}

TEST(guide_reactions, are_rehearsed) {
  dcb::rehearsal<ShopEvent> on_stage;
  on_stage.add(CartView{}).add(AfterCheckout{});
  on_stage.given(ItemAdded{"c1", "tea", 2}).then_nothing();
  on_stage.then_sql(dcb::statement_of("INSERT INTO cart_item VALUES ($1, $2, $3)", "c1", "tea", 2));
  on_stage.after(23h).then_nothing();
  on_stage.after(1h).then(CartAbandoned{"c1"});
  on_stage.given(CartCheckedOut{"c1"}).then(PointsGranted{"c1", 20});
}

TEST(guide_reactions, are_replaced) {
  dcb::rehearsal<ShopEvent> on_stage;
  on_stage.store().append(ItemAdded{"c1", "tea", 2});
  dcb::runner former{on_stage.store()};
  former.add(CartView{});
  former.run_once();
  on_stage.add(CartView2{}).given();
  EXPECT_TRUE(on_stage.store().log().reactions().status("cart-view").empty());
}

TEST(guide_reactions, schedule_from_anywhere) {
  dcb::memory_store<ShopEvent> store;
  const auto now = std::chrono::system_clock::now();
  dcb::schedule(store, dcb::at(now + 1h, CartAbandoned{"c1"}).named("abandon c1").unless(dcb::query<CartCheckedOut>(dcb::tag("cart_id", "c1"))));
  dcb::cancel(store, dcb::cancel("abandon c1"));
  for (const auto& each : store.log().reactions().due()) EXPECT_EQ(each.state, dcb::due_state::cancelled);
}

}  // namespace
