// ordering CONNINFO STORE: sells three tickets to four customers, one of whom thinks about it for too long, in a store that exists. The hold is two seconds here.
#include "order_view.hpp"
#include "reservation.hpp"

#include <iostream>
#include <thread>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: ordering CONNINFO STORE\n", 2;

  dcb::store<OrderEvent> store{argv[1], argv[2]};
  auto setup = store.log().begin();
  setup.exec("CREATE TABLE IF NOT EXISTS order_view (order_id text PRIMARY KEY, stage text NOT NULL)");
  setup.commit();

  dcb::runner runner{store, {.run_due = 100ms}};
  runner.add(HoldReservation{.hold = 2s}).add(OrderView{});
  runner.create();
  std::jthread running{[&](std::stop_token stop) { runner.run(stop); }};

  dcb::decision_maker maker{store};
  const auto run = dcb::uuid::random().to_string().substr(0, 8);
  const auto order = [&](const char* customer) { return run + '-' + customer; };
  const auto confirm = [&](const char* customer) {
    const auto made = maker.make(ConfirmOrder{order(customer)});
    std::cout << customer << (made ? " has confirmed" : std::string{" is refused: "} + dcb::to_json(made.error())) << '\n';
    return made.position();
  };

  if (!maker.make(StockItem{run, 3})) return 1;
  std::int64_t head = 0;
  for (const auto customer : {"ann", "bob", "cid", "dan"}) head = maker.make(PlaceOrder{order(customer), run, 1}).position();
  if (!runner.wait_until(head)) return std::cerr << "nobody reserves\n", 1;
  runner.wait_until(store.head());

  confirm("ann");
  head = confirm("bob");
  confirm("dan");
  std::cout << "cid thinks about it\n";
  for (const auto until = std::chrono::steady_clock::now() + 60s; !store.exists(dcb::query<ReservationExpired>(dcb::tag("order_id", order("cid"))));) {
    if (std::chrono::steady_clock::now() > until) return std::cerr << "the hold never ended\n", 1;
    store.log().reactions().wait_for_events(dcb::query<ReservationExpired>(), head, 1s);
  }
  confirm("cid");
  runner.wait_until(store.head());

  auto look = store.log().begin();
  for (const auto& row : look.exec("SELECT order_id, stage FROM order_view WHERE order_id LIKE $1 || '%' ORDER BY order_id", run))
    std::cout << row[0].value().substr(9) << ": " << row[1].value() << '\n';
}
