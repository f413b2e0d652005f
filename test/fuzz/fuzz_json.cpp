// JSON: decode_error or a value; what was read is written and read again the same.

#include "fuzz.hpp"

#include <dcb/msgpack.hpp>

#include "base64.hpp"

namespace {

// Members of fuzz::everything that hold less than numbers can say, with room for all of it.
struct roomy {
  std::optional<std::uint64_t> narrow;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto bytes = dcb::decode_base64(fuzz::text(data, size))) {
    std::string written;
    dcb::append_base64(written, *bytes);
    fuzz::require(written == fuzz::text(data, size), "base64 is read as what it was written from");
  }
  try {
    const auto value = dcb::from_json<fuzz::everything>(fuzz::text(data, size));
    fuzz::require(value.narrow == dcb::from_json<roomy>(fuzz::text(data, size)).narrow, "a number is taken whole or not at all");
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
