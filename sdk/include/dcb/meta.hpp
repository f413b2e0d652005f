// What is known of an event beside what happened. Who caused it, and what is needed to read it, are members of its metadata, one JSON object:
//   correlation_id   shared by all that one command set off
//   causation_id     the command or event that led to it directly
//   event_version    the version of its type's shape, from 2 on (see event_schema.hpp)
#pragma once

#include <dcb/event.hpp>
#include <dcb/export.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

/// A stored event without its data. Thread safety: a value.
struct DCB_EXPORT meta {
  std::int64_t position = 0;
  std::string type{};  ///< the name under which it is stored
  std::vector<std::string> tags{};
  std::optional<uuid> id{};
  timestamp recorded_at{};
  std::optional<std::string> correlation_id{};
  std::optional<std::string> causation_id{};
  std::optional<std::string> metadata{};  ///< JSON text, the members above included
  std::string subscription{};             ///< the one that hands it to a reaction, and empty elsewhere

  /// The same whenever this subscription hands out this event: what makes an effect outside of the database that is repeated have no further
  /// effect. A name-based uuid (version 5) of `subscription:position`, or `subscription:position:part` to tell several effects apart.
  uuid dedup_key(std::string_view part = {}) const;

  /// What names this event as the cause of others: its id, or its position if it has none.
  std::string name() const;
};

/// Metadata that is not an object, or members of another form, are no error here: other programs write metadata too.
DCB_EXPORT meta meta_of(const recorded_event& stored);

/// The text of a string, number or boolean that is a direct member of a JSON object; nothing if it is not there or of another form.
DCB_EXPORT std::optional<std::string> metadata_member(std::string_view metadata, std::string_view name);

/// Joins a JSON object to metadata; of members with the same name its own count. Throws `error` 22023 unless both are JSON objects.
DCB_EXPORT void join_metadata(std::optional<std::string>& metadata, std::string_view object);

/// The same for one member.
DCB_EXPORT void add_metadata(std::optional<std::string>& metadata, std::string_view name, std::string_view text);

}  // namespace dcb::inline v0
