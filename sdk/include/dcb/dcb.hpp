/// All of the SDK except dcb/testing.hpp.
#pragma once

#include <dcb/codec.hpp>
#include <dcb/decision.hpp>
#include <dcb/error.hpp>
#include <dcb/event.hpp>
#include <dcb/event_log.hpp>
#include <dcb/event_schema.hpp>
#include <dcb/event_store.hpp>
#include <dcb/export_import.hpp>
#include <dcb/id.hpp>
#include <dcb/json.hpp>
#include <dcb/memory_store.hpp>
#include <dcb/meta.hpp>
#include <dcb/msgpack.hpp>
#include <dcb/observer.hpp>
#include <dcb/query.hpp>
#include <dcb/raw_memory_store.hpp>
#include <dcb/raw_store.hpp>
#include <dcb/result.hpp>
#include <dcb/snapshot.hpp>
#include <dcb/state.hpp>
#include <dcb/store.hpp>
#include <dcb/transaction.hpp>
#include <dcb/typed_query.hpp>
#include <dcb/upcast.hpp>
