// JSON: decode_error or a value; what was read is written and read again the same.

#include "fuzz.hpp"

#include <dcb/msgpack.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto value = dcb::from_json<fuzz::everything>(fuzz::text(data, size));
    const auto packed = dcb::to_msgpack(value);  // takes what JSON text in a database cannot hold, such as NUL
    fuzz::require(dcb::to_msgpack(dcb::from_msgpack<fuzz::everything>(packed)) == packed, "MessagePack holds what JSON held");
    const auto written = dcb::to_json(value);
    fuzz::require(dcb::to_json(dcb::from_json<fuzz::everything>(written)) == written, "what was written is read as the same");
    dcb::json::check(written);
  } catch (const dcb::decode_error&) {
  } catch (const dcb::error& refused) {
    fuzz::require(refused.sqlstate() == "DCB03", "only what PostgreSQL cannot hold is not written");
  }
  return 0;
}
