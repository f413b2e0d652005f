// Events that are protobuf messages: the component protobuf (`find_package(dcb COMPONENTS protobuf)`, target dcb::protobuf). Only who includes
// this header needs the library.
//
//   template <> struct dcb::protobuf_ids<shop::ItemAdded> : dcb::fields<"user_id", "item_id"> {};
//   using ShopEvent = std::variant<shop::ItemAdded, ItemRemoved>;                        // with plain structs beside, as one likes
//
// The payload holds the message, the content type is application/protobuf. The event's name is the message's, without its package, unless
// dcb::members<shop::ItemAdded>::event_name says otherwise. An event of that name stored as JSON is read by protobuf's own JSON mapping, so an
// event that was a plain struct can become a message.
#pragma once

#include <dcb/codec.hpp>
#include <dcb/error.hpp>
#include <dcb/event_schema.hpp>
#include <dcb/id.hpp>

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

/// Names of a message's fields: text, integers, and repeated or optional ones of these.
template <literal... Name>
struct fields {
  static constexpr std::array<id_key, sizeof...(Name)> keys{id_key{Name.view(), nullptr}...};
};

/// Specialise to say which fields of a message are domain identifiers, and so become tags `field:value`.
template <class Message>
struct protobuf_ids : fields<> {};

namespace protobuf {

inline std::string tag_of(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field, int index) {
  using type = google::protobuf::FieldDescriptor;
  const auto& values = *message.GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case type::CPPTYPE_STRING:
      return tag(field.name(), repeated ? values.GetRepeatedString(message, &field, index) : values.GetString(message, &field));
    case type::CPPTYPE_INT32: return tag(field.name(), repeated ? values.GetRepeatedInt32(message, &field, index) : values.GetInt32(message, &field));
    case type::CPPTYPE_INT64: return tag(field.name(), repeated ? values.GetRepeatedInt64(message, &field, index) : values.GetInt64(message, &field));
    case type::CPPTYPE_UINT32:
      return tag(field.name(), repeated ? values.GetRepeatedUInt32(message, &field, index) : values.GetUInt32(message, &field));
    case type::CPPTYPE_UINT64:
      return tag(field.name(), repeated ? values.GetRepeatedUInt64(message, &field, index) : values.GetUInt64(message, &field));
    default: throw error{field.full_name() + " cannot be a domain identifier", {.sqlstate = "DCB03", .hint = "Text and integers identify."}};
  }
}

inline void add_tags(const google::protobuf::Message& message, std::span<const id_key> ids, std::vector<std::string>& tags) {
  for (const id_key& id : ids) {
    const auto* const field = message.GetDescriptor()->FindFieldByName(std::string{id.key});
    if (!field)
      throw error{message.GetDescriptor()->full_name() + " has no field \"" + std::string{id.key} + '"',
                  {.sqlstate = "DCB03", .hint = "See its dcb::protobuf_ids."}};
    if (field->is_repeated()) {
      for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) tags.push_back(tag_of(message, *field, i));
    } else if (!field->has_presence() || message.GetReflection()->HasField(message, field))
      tags.push_back(tag_of(message, *field, 0));
  }
}

}  // namespace protobuf

struct protobuf_codec {
  static constexpr std::string_view content_type = "application/protobuf";

  template <class Message>
  static constexpr auto ids = protobuf_ids<Message>::keys;
  template <class Message>
  static void add_tags(const Message& message, std::vector<std::string>& tags) {
    protobuf::add_tags(message, ids<Message>, tags);
  }

  static void encode(const google::protobuf::Message& message, new_event& into) {
    std::vector<std::byte> bytes(message.ByteSizeLong());
    if (!message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size())))
      throw error{message.GetDescriptor()->full_name() + " cannot be serialised: " + message.InitializationErrorString(), {.sqlstate = "DCB03"}};
    into.payload = std::move(bytes);
  }
  static void decode(const recorded_event& stored, google::protobuf::Message& message) {
    if (!stored.payload || !message.ParseFromArray(stored.payload->data(), static_cast<int>(stored.payload->size())))
      throw decode_error{message.GetDescriptor()->full_name() + ": not a message of this type"};
  }
  static void decode_json(const recorded_event& stored, google::protobuf::Message& message) {
    google::protobuf::util::JsonParseOptions tolerant;
    tolerant.ignore_unknown_fields = true;
    const auto status = google::protobuf::util::JsonStringToMessage(stored.data, &message, tolerant);
    if (!status.ok()) throw decode_error{message.GetDescriptor()->full_name() + ": " + status.ToString()};
  }
};

template <std::derived_from<google::protobuf::Message> Message>
struct codec_for<Message> {
  using type = protobuf_codec;
};

}  // namespace dcb::inline v0
