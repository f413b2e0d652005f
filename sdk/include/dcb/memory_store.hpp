#pragma once

#include <dcb/event_store.hpp>
#include <dcb/raw_memory_store.hpp>

namespace dcb::inline v0 {

/// A store in memory for the events of a variant, with the semantics of one on a server.
/// Thread safety: every member may be called from any thread at any time.
template <class Event>
class memory_store : private log_holder<raw_memory_store>, public event_store<Event> {
 public:
  memory_store() : event_store<Event>(this->held) {}

  /// The store with events as text, its clock, and transactions.
  raw_memory_store& log() const noexcept { return const_cast<raw_memory_store&>(this->held); }
};

}  // namespace dcb::inline v0
