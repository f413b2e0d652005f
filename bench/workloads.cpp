#include "workloads.hpp"

#include "text.hpp"

namespace bench {
namespace {

const std::string submit = "dcb.submit", append = "dcb.append", insert = "plain INSERT", pair = "SELECT 1, plain INSERT",
                  disintegrate = "Disintegrate", eventsourcing = "pyeventsourcing";

std::string clients_in_words(int n) { return std::to_string(n) + (n == 1 ? " client" : " clients"); }

class catalogue {
 public:
  catalogue(std::vector<site>& sites, const plan& how)
      : sites_(sites), first_(sites.front()), how_(how), dis_(first_.disintegrate), py_(first_.pyeventsourcing) {}

  std::vector<workload> all() {
    for (const int clients : how_.clients) conditional_append(clients);
    for (const int clients : how_.clients) decision(clients, spread::uniform);
    decision(16, spread::zipf);
    hot_boundary();
    adjacent_boundaries();
    for (const int clients : {1, 16}) {
      unconditional_append(clients);
      for (const int events : how_.batches) batch_append(events, clients);
    }
    beside_open_transaction();
    beside_subscribers();
    wake_up();
    for (const auto what : {reading::cart, reading::type_page, reading::first_page}) read_by_size(what);
    larger_reads();
    full_scan();
    append_by_size();
    mixed();
    return std::move(all_);
  }

 private:
  chooser uniform(const log& in, int clients = 1) const { return {spread::uniform, in.carts(), clients}; }

  workload& begin(std::string title, std::string text) {
    return all_.emplace_back(workload{.title = std::move(title), .text = std::move(text), .contenders = {}, .comparisons = {}});
  }

  // The same on every site; on further ones with the server's name behind the label, compared with the first.
  template <class Make>
  void on_all_sites(workload& in, const std::string& label, int clients, Make make, figure by = figure::operations) {
    for (auto& at : sites_) {
      const bool first = &at == &first_;
      const auto name = first ? label : label + " @ " + at.where.name;
      in.contenders.push_back({name, &at.where, make(at), clients});
      if (!first) in.comparisons.push_back({name, label, by});
    }
  }
  void add(workload& in, const std::string& label, way_ptr what, int clients) {
    in.contenders.push_back({label, &first_.where, std::move(what), clients});
  }

  void conditional_append(int clients) {
    auto& w = begin("Conditional append, " + clients_in_words(clients),
                    "One event of 256 bytes with three tags, on the condition that no event with two given tags came after a position seen lately.");
    for (const auto how : {append_by::procedure, append_by::function})
      on_all_sites(w, how == append_by::procedure ? submit : append, clients,
                   [&](site& at) { return dcb_append(at.main, how, {.events = 1, .conditional = true}, uniform(at.main)); });
    add(w, insert, plain_insert(), clients);
    add(w, "SELECT 1", select_one(), clients);
    w.comparisons.push_back({submit, insert, figure::operations});
    if (clients == 1) target(w, "conditional append, 1 client: ≥ 0.8 × plain INSERT", 0.8);
    if (clients == 16) target(w, "conditional append, 16 clients: ≥ 0.9 × plain INSERT", 0.9);
    if (clients == 64) target(w, "conditional append, 64 clients: ≥ 1.0 × plain INSERT", 1.0);
    w.comparisons.push_back({append, insert});
    if (how_.peers) {
      add(w, disintegrate, disintegrate_conditional_append(dis_, uniform(dis_)), clients);
      add(w, eventsourcing, eventsourcing_conditional_append(py_, uniform(py_)), clients);
      for (const auto& peer : {disintegrate, eventsourcing}) w.comparisons.push_back({submit, peer});
    }
    at_point(w, "Conditional append", std::to_string(clients));
  }

  void decision(int clients, spread how) {
    const std::string by = how == spread::zipf ? ", Zipf" : "";
    auto& w = begin("Decision" + by + ", " + clients_in_words(clients),
                    "Read the events of a cart by two tags, append one on the condition that there are no further ones; on a conflict "
                    "again, within the same operation.");
    for (const auto way : {append_by::procedure, append_by::function})
      on_all_sites(w, way == append_by::procedure ? submit : append, clients, [&](site& at) {
        return dcb_decision(at.main, way, {how, at.main.carts(), clients});
      });
    add(w, pair, select_one_and_insert(), clients);
    w.comparisons.push_back({submit, pair});
    const bool counts = clients == 16 && how == spread::uniform;
    if (counts) target(w, "decision, 16 clients: ≥ 0.6 × the pair SELECT 1, plain INSERT", 0.6);
    if (how_.peers) {
      add(w, disintegrate, disintegrate_decision(dis_, {how, dis_.carts(), clients}), clients);
      add(w, eventsourcing, eventsourcing_decision(py_, {how, py_.carts(), clients}), clients);
      w.comparisons.push_back({submit, disintegrate});
      if (counts) target(w, "decision, 16 clients: ≥ 50 × Disintegrate", 50);
      w.comparisons.push_back({submit, eventsourcing});
      if (counts) target(w, "decision, 16 clients: ≥ 10 × pyeventsourcing", 10);
    }
    if (how == spread::uniform) at_point(w, "Decision", std::to_string(clients));
  }

  void hot_boundary() {
    auto& w = begin("One hot boundary", "All clients decide on the same cart.");
    for (const int clients : {1, 16})
      on_all_sites(w, clients_in_words(clients), clients, [&](site& at) {
        return dcb_decision(at.main, append_by::procedure, {spread::hot, at.main.carts(), clients});
      });
    on_all_sites(w, "16 clients in line", 16, [&](site& at) { return dcb_decision_in_line(at.main, {spread::hot, at.main.carts(), 16}); });
    w.comparisons.push_back({"16 clients", "1 client"});
    w.comparisons.push_back({"16 clients in line", "1 client"});
    target(w, "one hot boundary, in line: 16 clients ≥ 1 client", 1.0);
    w.comparisons.push_back({"16 clients in line", "", figure::least_share});
    target(w, "one hot boundary: nobody starves (the slowest of 16 clients ≥ 0.5 × the average)", 0.5);
  }

  void adjacent_boundaries() {
    auto& w = begin("Disjoint boundaries with adjacent keys", "Each client appends to carts of its own, between which lie those of the others.");
    on_all_sites(w, submit, 16, [&](site& at) {
      return dcb_append(at.main, append_by::procedure, {.events = 1, .conditional = true}, {spread::adjacent, at.main.carts(), 16});
    });
    if (how_.full) w.longer = 4;
    w.comparisons.push_back({submit, "", figure::conflicts, "disjoint boundaries with adjacent keys: 0 conflicts", {}, 0});
  }

  void unconditional_append(int clients) {
    auto& w = begin("Unconditional append, " + clients_in_words(clients), "One event, whatever happened before.");
    for (const auto how : {append_by::procedure, append_by::function})
      on_all_sites(w, how == append_by::procedure ? submit : append, clients,
                   [&](site& at) { return dcb_append(at.main, how, {}, uniform(at.main)); });
    add(w, insert, plain_insert(), clients);
    w.comparisons.push_back({submit, insert});
  }

  void batch_append(int events, int clients) {
    const auto size = std::to_string(events);
    auto& w = begin("Batches of " + size + ", " + clients_in_words(clients),
                    "Unconditional appends of " + size + " events at once; the rates are events per second.");
    w.y = figure::events;
    for (const auto how : {append_by::procedure, append_by::function})
      on_all_sites(
          w, how == append_by::procedure ? submit : append, clients,
          [&](site& at) { return dcb_append(at.main, how, {.events = events}, uniform(at.main)); }, figure::events);
    add(w, "COPY, same indexes", copy_in(events), clients);
    w.comparisons.push_back({append, "COPY, same indexes", figure::events});
    if (events == 100) target(w, "batch of 100, " + clients_in_words(clients) + ": ≥ 0.5 × COPY into a table with the same indexes", 0.5);
    if (how_.peers) {
      add(w, disintegrate, disintegrate_append(dis_, events), clients);
      add(w, eventsourcing, eventsourcing_append(py_, events), clients);
      w.comparisons.push_back({append, disintegrate, figure::events});
      if (events == 100) target(w, "batch of 100, " + clients_in_words(clients) + ": ≥ 1.2 × Disintegrate, unconditional", 1.2);
      w.comparisons.push_back({append, eventsourcing, figure::events});
    }
    at_point(w, "Batches, " + clients_in_words(clients), size);
  }

  void beside_open_transaction() {
    auto& w = begin("Beside an open transaction",
                    "With and without a transaction in another database that has an xid and a snapshot and does nothing; it is as old as the round.");
    if (how_.full) w.longer = 20;
    for (const bool open : {false, true}) {
      const std::string beside = open ? ", beside it" : "";
      add(w, "append" + beside, dcb_append(first_.main, append_by::procedure, {.events = 1, .conditional = true}, uniform(first_.main)), 16);
      if (open) w.contenders.back().beside = bystander();
      add(w, "decision" + beside, dcb_decision(first_.main, append_by::procedure, uniform(first_.main)), 16);
      if (open) w.contenders.back().beside = bystander();
    }
    for (const std::string what : {"append", "decision"})
      w.comparisons.push_back({what + ", beside it", what, figure::p99, "an unrelated open transaction: p99 of " + what + " within ±20 %", 0.8, 1.2});
  }

  void beside_subscribers() {
    auto& w = begin("Beside subscribers",
                    "Conditional appends of 16 clients while sessions wait for events, each for those of another customer, and read them when they come. A hundred "
                    "of the thousand customers have a subscriber, so a tenth of what is appended is handed out; to those who wait for nobody nothing is.");
    const auto appends = [&](const std::string& label) { add(w, label, dcb_append(first_.main, append_by::procedure, {.events = 1, .conditional = true}, uniform(first_.main)), 16); };
    const std::string alone = "0 subscribers";
    appends(alone);
    const auto beside = [&](const std::string& label, int count, awaited whom) {
      appends(label);
      w.contenders.back().beside = subscribers(first_.main, count, whom);
      w.comparisons.push_back({label, alone});
      target(w, "appends beside " + label + ": ≥ 0.9 × the rate without any", 0.9);
    };
    beside("10 subscribers", 10, awaited::customers);
    beside("100 subscribers", 100, awaited::customers);
    beside("100 who wait for nobody", 100, awaited::nobody);
  }

  void wake_up() {
    auto& w = begin("Wake-up",
                    "A session waits for the events of a tag and reads them; another one appends one every 5 ms. The latency is that from sending the append to "
                    "having the event.");
    add(w, "one subscriber", dcb_wake_up(first_.main), 1);
    w.contenders.back().beside = slow_appender(first_.main);
    w.comparisons.push_back({"one subscriber", "", figure::p99, "wake-up at idle, from the append's sending to the event: p99 < 5 ms", {}, 5e6});
  }

  void read_by_size(reading what) {
    const std::string title = what == reading::cart        ? "Two-tag read of 10 events"
                              : what == reading::type_page ? "First 100 events of a type"
                                                           : "First 100 events of all";
    auto& w = begin(title, "From stores of different sizes, one client.");
    for (auto* from : sizes()) add(w, from->label(), dcb_read(*from, what, uniform(*from)), 1);
    const auto largest = sizes().back()->label();
    w.comparisons.push_back(
        {largest, first_.small.label(), figure::p50, title + " from " + largest + " events: ≤ 1.5 × the time from " + first_.small.label(), {}, 1.5});
  }

  void larger_reads() {
    for (const int clients : {1, 16}) {
      auto& w = begin("Reads, " + clients_in_words(clients), "Of all columns, in binary, by one and by two tags.");
      const std::pair<const char*, reading> kinds[] = {{"10 events, two tags", reading::cart},
                                                       {"10 events, one tag", reading::cart_tag},
                                                       {"1,000 events, two tags", reading::customer},
                                                       {"1,000 events, one tag", reading::customer_tag},
                                                       {"100,000 events, one tag", reading::shop_tag}};
      for (const auto& [label, what] : kinds)
        if (clients == 1 || what != reading::shop_tag)
          on_all_sites(w, label, clients, [&, what = what](site& at) { return dcb_read(at.main, what, uniform(at.main)); });
    }
  }

  void full_scan() {
    auto& w = begin("Full scan", "The whole store to one client; operations are scans.");
    on_all_sites(w, "dcb.read", 1, [&](site& at) { return dcb_read(at.main, reading::everything, uniform(at.main)); });
    add(w, "COPY TO", copy_out(first_.main), 1);
    w.comparisons.push_back({"dcb.read", "COPY TO"});
    target(w, "full scan: ≥ 0.8 × binary COPY TO of the event table", 0.8);
  }

  void append_by_size() {
    auto& w = begin("Append by size of the store", "Conditional appends by 16 clients; the smallest store is made anew for each round.");
    for (auto* to : sizes()) {
      add(w, to->label(), dcb_append(*to, append_by::procedure, {.events = 1, .conditional = true}, uniform(*to)), 16);
      if (to == &first_.small)
        w.contenders.back().before = [to, &where = first_.where] {
          where.control().script("SELECT dcb.drop_store('" + to->name + "', true); SELECT dcb.create_store('" + to->name + "')");
          where.control().script("CALL bench.fill_store('" + to->name + "', " + std::to_string(to->events) + ")");
          to->forget();
        };
    }
    const auto largest = sizes().back()->label();
    w.comparisons.push_back({largest, first_.small.label()});
    target(w, "append rate at " + largest + " events: ≥ 0.8 × that at " + first_.small.label(), 0.8);
  }

  void mixed() {
    auto& w = begin("Mixed, 16 clients", "Eight reads of a cart to two decisions.");
    on_all_sites(w, submit, 16, [&](site& at) { return dcb_mixed(at.main, append_by::procedure, uniform(at.main)); });
  }

  std::vector<log*> sizes() {
    std::vector<log*> all{&first_.small, &first_.main};
    if (first_.large.events > 0) all.push_back(&first_.large);
    return all;
  }

  // Makes the last comparison a target.
  static void target(workload& of, std::string words, double at_least) {
    of.comparisons.back().target = std::move(words);
    of.comparisons.back().at_least = at_least;
  }
  static void at_point(workload& of, std::string plot, std::string x) {
    of.plot = std::move(plot);
    of.x = std::move(x);
  }

  std::vector<site>& sites_;
  site& first_;
  const plan& how_;
  log &dis_, &py_;
  std::vector<workload> all_;
};

}  // namespace

std::vector<workload> workloads(std::vector<site>& sites, const plan& how) { return catalogue{sites, how}.all(); }

}  // namespace bench
