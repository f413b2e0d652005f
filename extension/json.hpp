/*
 * Reading jsonb that clients wrote by hand: every key is known or refused, every value has the expected kind.
 */
#pragma once

#include "strings.hpp"

namespace dcb {

/* Calls visit(String key, JsonbValue &value) for each member of an object; nested containers come as jbvBinary. */
template <class Visit>
void
for_each_member(const JsonbContainer *object, Visit visit)
{
	JsonbIterator *it = JsonbIteratorInit(const_cast<JsonbContainer *>(object));
	JsonbValue value;
	String key{};

	for (auto token = JsonbIteratorNext(&it, &value, true); token != WJB_DONE;
	     token = JsonbIteratorNext(&it, &value, true))
	{
		if (token == WJB_KEY)
			key = {value.val.string.val, value.val.string.len};
		else if (token == WJB_VALUE)
			visit(key, value);
	}
}

/* Calls visit(JsonbValue &value) for each element of an array. */
template <class Visit>
void
for_each_element(const JsonbContainer *array, Visit visit)
{
	JsonbIterator *it = JsonbIteratorInit(const_cast<JsonbContainer *>(array));
	JsonbValue value;

	for (auto token = JsonbIteratorNext(&it, &value, true); token != WJB_DONE;
	     token = JsonbIteratorNext(&it, &value, true))
		if (token == WJB_ELEM)
			visit(value);
}

inline bool
is_array(const JsonbValue &value)
{
	return value.type == jbvBinary && JsonContainerIsArray(value.val.binary.data);
}

inline bool
is_object(const JsonbValue &value)
{
	return value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data);
}

inline bool
is_string(const JsonbValue &value)
{
	return value.type == jbvString;
}

inline String
string_of(const JsonbValue &value)
{
	return {value.val.string.val, value.val.string.len};
}

inline bool
equals(String key, const char *literal)
{
	return key == String{literal, static_cast<int>(std::strlen(literal))};
}

} // namespace dcb
