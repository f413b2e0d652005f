/*
 * Tag rules: which tags events of a type get from their data, whoever appends them and whatever tags the client gave.
 */
#pragma once

#include "request.hpp"
#include "store.hpp"

namespace dcb {

/*
 * The request with the tags that the store's rules give its events beside the client's own. The store is open for writing.
 * Errors: TAG_EXPRESSION_FAILED, LIMIT_EXCEEDED.
 */
AppendRequest apply_tag_rules(const Store &store, const AppendRequest &request);

/* Stands for the store's rules as they are: 0 without any. Requests that were made under others are not to be appended. */
uint64 tag_rules_of(const Store &store);

void install_tag_rules();

} // namespace dcb
