// Is a history strictly serialisable?
//
// That is: is there one order of all its operations, in which each, done at once and alone, has the outcome that its client saw, which leaves the log
// that was found, and in which an operation that had ended before another one began comes before it?
//
// Positions make the search for that order easy. A log that grows at its end is known at any time by its length alone, so each operation tells
// between which lengths it must have happened:
//
//   an append   at exactly the length before its first event, where its condition must have held
//   a refusal   at any length from the event that it named on, if that is the first one that matches
//   a read      at the head that it answered; or, beside a watermark, from that or its last row on until the next event that matches
//
// and an order exists if each can be put into its range no earlier than any operation that had ended before it began. Nobody sees a part of a
// transaction, so the lengths within one are left out.
#pragma once

#include "history.hpp"

namespace race {

bool matches(const item& item, const event& event);
bool matches(const query& query, const event& event);

// What is wrong with it, in words; nothing if it is strictly serialisable.
std::vector<std::string> violations(const history& history);

// How many commands met a rival: an append at the same time, of another client, such that the events of the one match the condition of the other.
// Commands of transactions that failed are not counted.
std::int64_t contended(const history& history);

}  // namespace race
