#pragma once

#include <dcb/enum_names.hpp>
#include <dcb/json.hpp>
#include <dcb/reflect.hpp>

#include <concepts>
#include <string>
#include <type_traits>

namespace dcb::inline v0 {

// A decision's error for people to read.
template <class Error>
std::string error_text(const Error& error) {
  if constexpr (std::is_enum_v<Error>) {
    const auto name = reflect::enum_name(error);
    return name.empty() ? to_json(error) : std::string{name};
  } else if constexpr (std::convertible_to<const Error&, std::string>)
    return error;
  else if constexpr (reflect::aggregate<Error>)
    return std::string{json::name_of<Error>()} + ' ' + to_json(error);
  else
    return "an error of type " + std::string{reflect::type_name<Error>()};
}

}  // namespace dcb::inline v0
