// Stores as wholes: which there are, making one, its head, whether all is well with it, snapshots.

#include "session.hpp"

namespace tool {

void add_store_commands(CLI::App& app, settings& with) {
  app.add_subcommand("stores", "list the stores of the database")->callback([&with] {
    print(session{with}.run("SELECT store, owner, head FROM dcb.stores ORDER BY store"), with);
  });

  static std::string store;
  add_command(app, "create-store", "make a store: a schema with its tables", store).callback([&with] {
    session{with}.run("SELECT dcb.create_store($1)", {store});
  });

  static bool force = false;
  auto& drop = add_command(app, "drop-store", "remove a store; one that holds events only with --force", store);
  drop.add_flag("--force", force, "lose its events for ever");
  drop.callback([&with] { session{with}.run("SELECT dcb.drop_store($1, $2)", {store, force ? "true" : "false"}); });

  static std::string time;
  auto& head = add_command(app, "head", "the position of the last event, 0 when there is none", store);
  head.add_option("--at", time, "of the last event recorded at that time or before");
  head.callback([&with] {
    const auto answer = time.empty() ? session{with}.run("SELECT dcb.head($1)", {store})
                                     : session{with}.run("SELECT dcb.position_at($1, $2::timestamptz)", {store, time});
    print("head", std::string{answer.value(0, 0).value()}, with);
  });

  add_command(app, "verify", "what is wrong with a store; nothing is printed when all is well", store).callback([&with] {
    const auto problems = session{with}.run("SELECT problem, position, detail FROM dcb.verify($1)", {store});
    if (problems.count() == 0) return;
    print(problems, with);
    with.status = problems_found;
  });

  auto& snapshots = *app.add_subcommand("snapshots", "states that were saved as of a position");
  snapshots.require_subcommand(1);
  add_command(snapshots, "list", "how many there are of each name, and up to which position", store).callback([&with] {
    session on{with};
    on.run("SELECT dcb.head($1)", {store});  // refuses what is no store
    const auto quoted = std::string{on.run("SELECT quote_ident($1)", {store}).value(0, 0).value()};
    print(on.run("SELECT name, version, count(*) AS snapshots, max(position) AS position, sum(octet_length(state)) AS bytes FROM " + quoted +
                 ".snapshot GROUP BY name, version ORDER BY name, version"),
          with);
  });
  static std::string name;
  auto& drop_snapshots = add_command(snapshots, "drop", "remove those of one name, or all; they are made anew when needed", store);
  drop_snapshots.add_option("NAME", name, "the name of the state");
  drop_snapshots.callback([&with] {
    const auto dropped = session{with}.run("SELECT dcb.drop_snapshots($1, $2)", {store, name.empty() ? std::nullopt : std::optional{name}});
    print("dropped", std::string{dropped.value(0, 0).value()}, with);
  });
}

}  // namespace tool
