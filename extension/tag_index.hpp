/*
 * The index access method dcb_tags: several B-tree entries per event, in position order under each tag and each type.
 *
 * An entry is (hash, key) → row address, where key = position << 24 | 24 bits of the type's hash, and hash is that of a
 * tag, or of the 24 type bits for the one entry that stands for the type. A hash proves nothing: the row decides.
 */
#pragma once

#include "strings.hpp"

namespace dcb {

constexpr int TYPE_BITS = 24;
constexpr int64 TYPE_MASK = (int64{1} << TYPE_BITS) - 1;
/* More than a table can hold rows. */
constexpr int64 MAX_POSITION = (int64{1} << (63 - TYPE_BITS)) - 1;

/* Attribute numbers within an entry. */
constexpr AttrNumber ENTRY_HASH = 1;
constexpr AttrNumber ENTRY_KEY = 2;

int64 tag_hash(String tag);
int64 type_bits(String type);
int64 type_hash(int64 type_bits);

inline int64
index_key(int64 position, int64 type_bits)
{
	return position << TYPE_BITS | type_bits;
}

inline int64
position_of(int64 key)
{
	return key >> TYPE_BITS;
}

bool is_tag_index(Relation index);

} // namespace dcb
