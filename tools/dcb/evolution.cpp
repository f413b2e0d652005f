// Tags that are derived from data: for what is appended from now on, and for what is stored.

#include "session.hpp"

#include <dcb/query.hpp>

namespace tool {

void add_evolution_commands(CLI::App& app, settings& with) {
  static std::string store, type, name, path, data;
  constexpr const char* about_path = "an SQL/JSON path over an event's data, such as '$.customer.id'";

  auto& rules = *app.add_subcommand("rules", "tags that events get from their data when they are appended");
  rules.require_subcommand(1)->alias("tag-rule");
  add_command(rules, "list", "the rules of a store", store).callback([&with] {
    print(session{with}.run("SELECT type, name, expression, created_by, created_at FROM dcb.tag_rules($1)", {store}), with);
  });

  auto& add = add_command(rules, "add", "give later events of a type tags NAME:value from their data", store);
  add.add_option("TYPE", type, "the type of the events")->required();
  add.add_option("NAME", name, "the name of the tag")->required();
  add.add_option("PATH", path, about_path)->required();
  add.callback([&with] {
    const auto added = session{with}.run("SELECT dcb.tag_rule($1, $2, $3, $4)", {store, type, name, path});
    print("added", added.json(0, 0), with);
  });

  auto& drop = add_command(rules, "drop", "end rules; events keep their tags", store);
  drop.add_option("TYPE", type, "the type of the events")->required();
  drop.add_option("NAME", name, "the name of the tag")->required();
  drop.add_option("PATH", path, "only the rule of this path");
  drop.callback([&with] {
    const auto dropped =
        session{with}.run("SELECT dcb.drop_tag_rule($1, $2, $3, $4)", {store, type, name, path.empty() ? std::nullopt : std::optional{path}});
    print("dropped", dropped.json(0, 0), with);
  });

  auto& derive = *app.add_subcommand("derive-tags", "the tags that a rule or a retag would give an event with this data");
  derive.add_option("NAME", name, "the name of the tag")->required();
  derive.add_option("PATH", path, about_path)->required();
  derive.add_option("DATA", data, "JSON")->required();
  derive.callback([&with] {
    print("tags", session{with}.run("SELECT to_jsonb(dcb.derive_tags($1, $2, $3::jsonb))", {name, path, data}).json(0, 0), with);
  });

  static query_options query;
  static int batch_size = 1000;
  auto& retag = add_command(app, "retag", "give stored events tags NAME:value from their data, while the store is in use", store);
  retag.add_option("NAME", name, "the name of the tag")->required();
  retag.add_option("PATH", path, about_path)->required();
  retag.add_option("--batch", batch_size, "events in a transaction; appends wait while its changed events are written")->capture_default_str();
  query.add_to(retag);
  retag.callback([&with] {
    const auto changed =
        session{with}.run("CALL dcb.retag($1, $2, $3, $4, $5)", {store, query.query().to_json(), name, path, std::to_string(batch_size)});
    print("changed", changed.json(0, 0), with);
  });

  add_command(app, "retags", "what retag has done, by whom, and how far it has come", store).callback([&with] {
    print(session{with}.run("SELECT run, query, name, expression, upto, goal, changed, batches, roles, started_at, last_at FROM dcb.retags($1)", {store}),
          with);
  });
}

}  // namespace tool
