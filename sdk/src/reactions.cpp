#include <dcb/reactions.hpp>

namespace dcb::inline v0 {

reaction_store::~reaction_store() = default;

}  // namespace dcb::inline v0
