#pragma once

// Base64 of RFC 4648, with padding.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dcb::inline v0 {

void append_base64(std::string& text, std::span<const std::byte> bytes);

/// Nothing if the text is not base64: a foreign character, a length that is no multiple of four, bits that no byte holds.
std::optional<std::vector<std::byte>> decode_base64(std::string_view text);

}  // namespace dcb::inline v0
