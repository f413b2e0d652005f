#pragma once

#include <memory>

#include "session.hpp"
#include "shop.hpp"

namespace bench {

// One way of doing a piece of work. Clients share it and call once() again and again.
class way {
 public:
  virtual ~way() = default;
  virtual void prepare(session& client) const = 0;  // once a client, before any round
  virtual operation once(session& client) = 0;
};

using way_ptr = std::shared_ptr<way>;

// pg_dcb: a function is part of the caller's transaction, which is the single statement here; a procedure is a transaction of its own.
enum class append_by { function, procedure };
struct batch {
  int events = 1;
  bool conditional = false;  // that the first event's cart has not changed since a position that the client has seen lately
};
way_ptr dcb_append(log& to, append_by how, batch what, chooser carts);
// Read the events of a cart by two tags, append one on the condition that there are no further ones, begin again if there are.
way_ptr dcb_decision(log& in, append_by how, chooser carts);
way_ptr dcb_decision_in_line(log& in, chooser carts);  // after waiting in line for the cart (dcb.lock_tags)
// Eight reads of a cart to two decisions.
way_ptr dcb_mixed(log& in, append_by how, chooser carts);
// Waits for an event of company's slow_appender, and reads it.
way_ptr dcb_wake_up(log& of);
// The same for the events of a customer, another one for each client; of customers who are there, or of some who never come.
enum class awaited { customers, nobody };
way_ptr dcb_subscriber(log& of, awaited whom);
enum class reading {
  cart,          // by two tags: 10 events
  cart_tag,      // by one tag: 10 events
  customer,      // by two tags: 1,000 events
  customer_tag,  // by one tag: 1,000 events
  shop_tag,      // by one tag: 100,000 events
  type_page,     // the first 100 of a type
  first_page,    // the first 100 of all
  everything,    // the whole log, row by row
};
way_ptr dcb_read(log& from, reading what, chooser carts);

// Plain PostgreSQL: tables with the columns of an event table (plain.sql).
way_ptr select_one();
way_ptr plain_insert();           // key from a sequence, no other index; one row a commit
way_ptr select_one_and_insert();  // the two one after the other
way_ptr copy_in(int events);      // into a table with the indexes of an event table; one COPY a commit
way_ptr copy_out(log& from);      // the event table of a store, in binary

// Other event stores' SQL (peers/).
way_ptr disintegrate_append(log& to, int events);  // unconditional
way_ptr disintegrate_conditional_append(log& to, chooser carts);
way_ptr disintegrate_decision(log& in, chooser carts);
way_ptr eventsourcing_append(log& to, int events);  // unconditional
way_ptr eventsourcing_conditional_append(log& to, chooser carts);
way_ptr eventsourcing_decision(log& in, chooser carts);

}  // namespace bench
