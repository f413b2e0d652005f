// Subscriptions, projections and due commands: where they are, how far behind, and what stopped them.

#include "session.hpp"

namespace tool {

void add_reaction_commands(CLI::App& app, settings& with) {
  static std::string store, name, reason;
  static std::int64_t position = 0;

  add_command(app, "status", "the head of a store, and how many consumers it has in which state", store).callback([&with] {
    print(session{with}.run(
              "SELECT dcb.head($1) AS head, "
              "(SELECT json_object_agg(state, count) FROM (SELECT state, count(*) FROM dcb.subscriptions($1) GROUP BY state) s) AS partitions, "
              "(SELECT max(lag_events) FROM dcb.subscriptions($1)) AS max_lag_events, "
              "(SELECT coalesce(sum(parked), 0) FROM (SELECT DISTINCT name, parked FROM dcb.subscriptions($1)) p) AS parked, "
              "(SELECT json_object_agg(state, count) FROM (SELECT state, count(*) FROM dcb.due_commands($1) GROUP BY state) d) AS due_commands",
              {store}),
          with);
  });
  add_command(app, "subscriptions", "subscriptions and projections of a store: state, position, lag, consumer, errors", store).callback([&with] {
    print(session{with}.run(
              "SELECT name, kind, partition, state, position, head, lag_events, extract(epoch FROM lag)::bigint AS lag_seconds, consumer, "
              "failures, parked, coalesce(reason, last_error) AS problem FROM dcb.subscriptions($1) ORDER BY name, partition",
              {store}),
          with);
  });
  add_command(app, "due", "commands that wait for their time, and what became of others", store).callback([&with] {
    print(session{with}.run("SELECT id, due, state, role, position, sqlstate, error FROM dcb.due_commands($1) ORDER BY due, id", {store}), with);
  });

  auto& pause = add_command(app, "pause", "let nobody consume a subscription until it is resumed", store);
  pause.add_option("NAME", name, "the subscription's name")->required();
  pause.add_option("--reason", reason, "what others see as the reason");
  pause.callback([&with] {
    session{with}.run("SELECT dcb.pause($1, $2, $3)", {store, name, reason.empty() ? std::nullopt : std::optional{reason}});
  });
  auto& resume = add_command(app, "resume", "go on with a subscription that was paused or stopped", store);
  resume.add_option("NAME", name, "the subscription's name")->required();
  resume.callback([&with] { session{with}.run("SELECT dcb.resume($1, $2)", {store, name}); });
  auto& rewind = add_command(app, "rewind", "hand out again what came after a position", store);
  rewind.add_option("NAME", name, "the subscription's name")->required();
  rewind.add_option("POSITION", position, "0: from the beginning")->required();
  rewind.callback([&with] { session{with}.run("SELECT dcb.rewind($1, $2, $3)", {store, name, std::to_string(position)}); });
}

}  // namespace tool
