// Values in the server's binary formats: decode_error or a value, never more memory than was sent.

#include "fuzz.hpp"

#include "wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = fuzz::text(data + 1, size - 1);
  try {
    switch (data[0] % 6) {
      case 0: {
        std::vector<std::string> tags{"used before"};
        dcb::decode_text_array(bytes, tags);
        fuzz::require(tags.size() * 4 <= bytes.size(), "an array is not longer than its bytes");
        break;
      }
      case 1: fuzz::require(dcb::encode_int8(dcb::decode_int8(bytes)) == bytes, "an integer is what was sent"); break;
      case 2: dcb::decode_bool(bytes); break;
      case 3: fuzz::require(dcb::encode_uuid(dcb::decode_uuid(bytes)) == bytes, "a uuid is what was sent"); break;
      case 4: dcb::decode_timestamp(bytes); break;
      case 5: dcb::decode_jsonb(bytes); break;
    }
  } catch (const dcb::decode_error&) {
  }
  return 0;
}
