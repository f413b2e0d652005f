#pragma once

#include <dcb/event_store.hpp>
#include <dcb/raw_store.hpp>

#include <optional>
#include <string>
#include <utility>

namespace dcb::inline v0 {

/// A store on a PostgreSQL server with the extension pg_dcb, for the events of a variant.
/// Thread safety: every member may be called from any thread at any time.
template <class Event>
class store : private log_holder<raw_store>, public event_store<Event> {
 public:
  /// `conninfo` as libpq takes it (empty: the PG… environment), `name` of the store. Connects when first used.
  store(std::string conninfo, std::string name, store_options options = {})
      : log_holder<raw_store>(raw_store{std::move(conninfo), std::move(name), options}), event_store<Event>(this->held) {}

  /// The store with events as text, and transactions.
  raw_store& log() noexcept { return this->held; }
};

/// Ids are parameters of SQL statements as their values are.
template <class T, literal Key>
std::optional<std::string> to_sql_text(const id<T, Key>& i) {
  return to_sql_text(i.value);
}

}  // namespace dcb::inline v0
