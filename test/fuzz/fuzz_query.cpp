// Queries as JSON: error DCB02 or a query, whose own JSON is read as the same; a valid one has a binary form.

#include "fuzz.hpp"

#include <dcb/query.hpp>

#include "wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  dcb::event_query query;
  try {
    query = dcb::event_query::from_json(fuzz::text(data, size));
  } catch (const dcb::error& refused) {
    fuzz::require(refused.sqlstate() == "DCB02", "anything else is refused as DCB02");
    return 0;
  }
  try {
    query.validate();
  } catch (const dcb::error&) {
    return 0;
  }
  fuzz::require(dcb::event_query::from_json(query.to_json()) == query, "a query's JSON is read as the same");
  fuzz::require(!dcb::encode_query(query).empty(), "a valid query has a binary form");
  return 0;
}
