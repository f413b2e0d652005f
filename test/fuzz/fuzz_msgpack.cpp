// MessagePack: decode_error or a value; what was read is written and read again the same; any value can be shown as JSON.

#include "fuzz.hpp"

#include <dcb/codec.hpp>
#include <dcb/msgpack.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* const begin = reinterpret_cast<const std::byte*>(data);
  const std::vector<std::byte> bytes{begin, begin + size};
  try {
    const auto written = dcb::to_msgpack(dcb::from_msgpack<fuzz::everything>(bytes));
    fuzz::require(dcb::to_msgpack(dcb::from_msgpack<fuzz::everything>(written)) == written, "what was written is read as the same");
  } catch (const dcb::decode_error&) {
  }
  try {
    const auto shown = dcb::readable_data({.type = "A", .payload = bytes, .metadata = R"({"content_type":"application/msgpack"})"});
    dcb::json::check(shown);
  } catch (const dcb::decode_error&) {
  } catch (const dcb::error& refused) {
    fuzz::require(refused.sqlstate() == "DCB03", "only NUL and depth are refused");
  }
  return 0;
}
