#include <dcb/error.hpp>

#include <utility>

namespace dcb::inline v0 {

error::error(const std::string& message, error_info info) : std::runtime_error(message), info_(std::move(info)) {}

conflict::conflict(const std::string& message, error_info info, std::optional<std::int64_t> position)
    : error(message, std::move(info)), position_(position) {}

// Out of line, so that the type information of each class has one home and a throw across the library's border is caught.
error::error(const error&) = default;
error& error::operator=(const error&) = default;
error::~error() = default;
conflict::conflict(const conflict&) = default;
conflict& conflict::operator=(const conflict&) = default;
conflict::~conflict() = default;
connection_error::connection_error(const connection_error&) = default;
connection_error& connection_error::operator=(const connection_error&) = default;
connection_error::~connection_error() = default;
timeout::timeout(const timeout&) = default;
timeout& timeout::operator=(const timeout&) = default;
timeout::~timeout() = default;
cancelled::cancelled(const cancelled&) = default;
cancelled& cancelled::operator=(const cancelled&) = default;
cancelled::~cancelled() = default;
decode_error::decode_error(const decode_error&) = default;
decode_error& decode_error::operator=(const decode_error&) = default;
decode_error::~decode_error() = default;

}  // namespace dcb::inline v0
