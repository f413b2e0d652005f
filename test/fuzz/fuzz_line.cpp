// Lines of an import: decode_error or an event, which an export writes as a line that says the same.

#include "fuzz.hpp"

#include <dcb/export_import.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto event = dcb::from_line(fuzz::text(data, size));
    const auto line = dcb::to_line({.position = 1,
                                    .type = event.type,
                                    .tags = event.tags,
                                    .data = event.data,
                                    .payload = event.payload,
                                    .metadata = event.metadata,
                                    .id = event.id});
    fuzz::require(line.find('\n') == line.npos, "a line is one line");
    fuzz::require(dcb::to_line({.position = 1,
                                .type = event.type,
                                .tags = event.tags,
                                .data = dcb::from_line(line).data,
                                .payload = dcb::from_line(line).payload,
                                .metadata = dcb::from_line(line).metadata,
                                .id = dcb::from_line(line).id}) == line,
                  "a line is read as what was written");
  } catch (const dcb::decode_error&) {
  } catch (const dcb::error& refused) {
    fuzz::require(refused.sqlstate() == "DCB03", "only what PostgreSQL cannot hold is not written");
  }
  return 0;
}
