// The operations of snapshots, due commands and subscriptions, for the table of all.
#pragma once

#include "operations.hpp"

namespace model {

std::string number(std::int64_t n);
std::string boolean(bool b);
rows nothing();
rows one(const std::string& value);

operation save_snapshot();
operation load_snapshot();
operation load();
operation drop_snapshots();
operation forge_snapshots();

operation schedule();
operation cancel();
operation run_due();
operation due_commands();
statement all_due_commands();

operation create_subscription();
operation drop_subscription();
operation claim();
operation release_partitions();
operation poll();
operation checkpoint();
operation fail();
operation pause();
operation resume();
operation rewind();
operation park();
operation resolve_parked();
operation parked_events();
operation subscriptions();
operation forge_checkpoint();
statement all_subscriptions();

}  // namespace model
