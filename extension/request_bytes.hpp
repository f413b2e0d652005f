/*
 * An append request as bytes in shared memory, for another session of the same server to execute.
 */
#pragma once

#include "append.hpp"

namespace dcb {

/* Writes the request into a buffer aligned for any type; false if it does not fit. */
bool pack(const AppendRequest &request, char *buffer, Size capacity);

/* The request points into the buffer, which must stay as it is; its arrays are in the current memory context. */
AppendRequest unpack(const char *buffer);

} // namespace dcb
