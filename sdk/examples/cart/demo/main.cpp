// cart_demo CONNINFO STORE [ORDERS]: eight processes work off a file of orders at once, on a store that exists; then the log is checked.
#include "account.hpp"
#include "orders.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int processes = 8;

// What came of the orders of one process. Plain data: it goes through a pipe.
struct Tally {
  int accepted = 0, refused = 0, conflicts = 0, sold_out = 0;
};

template <class Made>
void count(Tally& tally, const Made& made) {
  ++(made ? tally.accepted : tally.refused);
  tally.conflicts += made.conflicts();
}

void carry_out(const dcb::decision_maker<ShopEvent>& maker, const Order& order, Tally& tally) {
  if (order.action == "register")
    count(tally, maker.make(CreateUser{order.user, order.what}));
  else if (order.action == "add")
    count(tally, maker.make(AddItem{order.user, order.what, order.quantity}));
  else if (order.action == "remove")
    count(tally, maker.make(RemoveItem{order.user, order.what}));
  else if (order.action == "update")
    count(tally, maker.make(UpdateItem{order.user, order.what, order.quantity}));
  else if (order.action == "checkout")
    count(tally, maker.make(CheckoutCart{order.user}));
  else if (order.action == "emit")
    count(tally, maker.make(EmitCoupon{order.what, order.quantity}));
  else if (order.action == "coupon") {
    const auto made = maker.make(ApplyCoupon{order.user, order.what});
    count(tally, made);
    if (!made && made.error() == CouponError::coupon_not_available) ++tally.sold_out;
  } else
    throw std::runtime_error{"unknown action " + order.action};
}

// A user's orders stay in order: one process has them all. Everybody reaches for the same coupons.
bool belongs_to(const Order& order, int process) {
  return order.user != "shop" && std::hash<std::string>{}(order.user) % processes == static_cast<std::size_t>(process);
}

Tally work(const dcb::event_store<ShopEvent>& store, const std::vector<Order>& orders, int process) {
  dcb::decision_maker maker{store};
  Tally tally;
  for (const auto& order : orders) {
    if (belongs_to(order, process)) carry_out(maker, order, tally);
  }
  return tally;
}

// Starts the process; it connects, then waits until the starting pipe is closed by the parent.
pid_t start(int process, const std::vector<Order>& orders, const char* conninfo, const char* name, const int (&starting)[2], int results) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  close(starting[1]);
  try {
    dcb::store<ShopEvent> store{conninfo, name};
    store.head();
    char byte;
    if (read(starting[0], &byte, 1) != 0) _exit(1);
    const auto tally = work(store, orders, process);
    _exit(write(results, &tally, sizeof tally) == sizeof tally ? 0 : 1);
  } catch (const std::exception& failure) {
    std::cerr << "process " << process << ": " << failure.what() << std::endl;
    _exit(1);
  }
}

bool wait_for(const std::vector<pid_t>& children) {
  bool all_well = true;
  for (const pid_t child : children) {
    int status = 0;
    all_well = waitpid(child, &status, 0) == child && status == 0 && all_well;
  }
  return all_well;
}

bool report(const Tally& total, const Account& account, std::size_t orders) {
  std::cout << processes << " processes carried out " << orders << " orders at once: " << total.accepted << " accepted, " << total.refused
            << " refused (" << total.sold_out << " because the coupon was gone).\n"
            << total.conflicts << " decisions turned out stale and were made anew. No error reached anybody.\n"
            << account.events << " events were appended:\n";
  for (const auto& [type, count] : account.by_type) std::cout << "  " << count << '\t' << type << '\n';
  for (const auto& [id, coupon] : account.coupons) {
    const auto given = account.given.contains(id) ? account.given.at(id) : 0;
    std::cout << "Coupon " << id << ": " << given << " of " << given + coupon.left << " given.\n";
  }
  std::cout << (account.gap_free ? "Checked: the log has no gap" : "WRONG: the log has a gap")
            << (account.overdrawn ? "; WRONG: a coupon was given too often.\n" : ", and no coupon was given too often.\n");
  return account.gap_free && !account.overdrawn;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3 && argc != 4) return std::cerr << "usage: cart_demo CONNINFO STORE [ORDERS]\n", 2;
  const auto orders = read_orders(argc == 4 ? argv[3] : CART_ORDERS);

  int starting[2], results[2];
  if (pipe(starting) != 0 || pipe(results) != 0) throw std::runtime_error{"no pipe"};
  std::vector<pid_t> children;
  for (int process = 0; process < processes; ++process) children.push_back(start(process, orders, argv[1], argv[2], starting, results[1]));

  // The shop itself hands out the coupons, before anybody may start.
  dcb::store<ShopEvent> store{argv[1], argv[2]};
  const auto before = store.head();
  Tally total;
  const dcb::decision_maker maker{store};
  for (const auto& order : orders) {
    if (order.user == "shop") carry_out(maker, order, total);
  }
  close(starting[1]);
  const bool all_well = wait_for(children);
  for (int process = 0; process < processes && all_well; ++process) {
    Tally tally;
    if (read(results[0], &tally, sizeof tally) != sizeof tally) throw std::runtime_error{"a process gave no answer"};
    total.accepted += tally.accepted;
    total.refused += tally.refused;
    total.conflicts += tally.conflicts;
    total.sold_out += tally.sold_out;
  }
  return all_well && report(total, replay(store, before), orders.size()) ? 0 : 1;
} catch (const std::exception& failure) {
  std::cerr << "cart_demo: " << failure.what() << '\n';
  return 1;
}
