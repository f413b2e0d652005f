#pragma once

#include <dcb/event.hpp>

#include <string_view>

namespace dcb::inline v0 {

/// The name-based uuid (version 5, RFC 9562) of a name in the SDK's own name space: the same for the same name, everywhere.
uuid uuid_of_name(std::string_view name);

}  // namespace dcb::inline v0
