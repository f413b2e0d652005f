// Random things to do with a store. An operation is made without knowing the store, so that any of them can be left out when a failure is shrunk:
// positions are relative to the head, tokens to the claims so far. What it sends is settled by looking at the reference.
#pragma once

#include "reference.hpp"

#include <rapidcheck.h>

namespace model {

using operation = std::function<std::vector<statement>(const reference&)>;  // no statement: there is nothing to do now

rc::Gen<operation> any_operation();

// Appends, reads and transactions only: what sessions can do side by side without waiting for one another's rows.
rc::Gen<operation> any_log_operation();

// What is looked at in the end: by each session what it can see of the log, by one all that a store has.
std::vector<statement> look_at_log(const reference& r);
std::vector<statement> look_at_everything(const reference& r);

}  // namespace model
