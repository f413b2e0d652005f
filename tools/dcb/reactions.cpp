// Subscriptions and projections: where they are, and how far behind.

#include "session.hpp"

namespace tool {

void add_reaction_commands(CLI::App& app, settings& with) {
  static std::string store;
  add_command(app, "subscriptions", "the subscriptions of a store: state, position, lag, consumer, errors", store).callback([&with] {
    print(session{with}.run("SELECT name, partition, state, position, head, lag_events, extract(epoch FROM lag)::bigint AS lag_seconds, consumer, "
                            "failures, parked, coalesce(reason, last_error) AS problem FROM dcb.subscriptions($1) ORDER BY name, partition",
                            {store}),
          with);
  });
}

}  // namespace tool
