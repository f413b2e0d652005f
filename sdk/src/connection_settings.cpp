#include "connection_settings.hpp"

#include <dcb/raw_store.hpp>

#include <libpq-fe.h>

#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

namespace dcb::inline v0 {
namespace {

// What a parameter of the connection is, from the conninfo or else from the environment.
class parameter_source {
 public:
  explicit parameter_source(const std::string& conninfo) : parsed_(PQconninfoParse(conninfo.c_str(), nullptr), PQconninfoFree) {}

  std::string value(std::string_view keyword) const {
    for (auto option = parsed_.get(); option && option->keyword; ++option) {
      if (option->keyword != keyword) continue;
      if (option->val) return option->val;
      const char* const environment = option->envvar ? std::getenv(option->envvar) : nullptr;
      return environment ? environment : "";
    }
    return {};
  }

 private:
  std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed_;  // nullptr: connecting will tell what is wrong
};

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0;;) {
    const auto end = list.find(',', begin);
    parts.push_back(list.substr(begin, end - begin));
    if (end == list.npos) return parts;
    begin = end + 1;
  }
}

std::vector<connection_settings::target> targets_of(const std::string& conninfo, bool readers) {
  const parameter_source from{conninfo};
  const auto hosts = split(from.value("host")), addresses = split(from.value("hostaddr")), ports = split(from.value("port"));
  const auto count = std::max(hosts.size(), addresses.size());
  const auto fits = [&](const auto& list) { return list.size() == count || (list.size() == 1 && list[0].empty()); };
  // Lists that do not fit each other are libpq's to refuse; one port may stand for all hosts.
  if (count == 1 || !fits(hosts) || !fits(addresses) || (ports.size() != 1 && ports.size() != count)) return {{}};

  auto attributes = from.value("target_session_attrs");
  if (attributes.empty()) attributes = readers ? "prefer-standby" : "read-write";
  std::vector<connection_settings::target> targets;
  const auto add_all = [&](const std::string& wanted) {
    for (std::size_t i = 0; i < count; ++i)
      targets.push_back({hosts.size() == count ? hosts[i] : "", addresses.size() == count ? addresses[i] : "", ports.size() == count ? ports[i] : ports[0],
                         wanted});
  };
  if (attributes == "prefer-standby") {
    add_all("standby");
    attributes = "any";
  }
  add_all(attributes);
  return targets;
}

}  // namespace

connection_settings::connection_settings(std::string conninfo, const store_options& options, bool readers)
    : conninfo(std::move(conninfo)),
      application_name(options.application_name),
      connect_timeout(options.pool.connect_timeout),
      cancel_grace(options.cancel_grace),
      transaction_pooling(options.transaction_pooling),
      targets(targets_of(this->conninfo, readers)) {}

}  // namespace dcb::inline v0
