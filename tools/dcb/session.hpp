#pragma once

// A connection for the commands that are SQL functions: one statement each, whose rows are printed as they are.

#include "tool.hpp"

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tool {

class rows {
 public:
  explicit rows(PGresult* owned) : owned_(owned) {}
  int count() const { return PQntuples(owned_.get()); }
  int columns() const { return PQnfields(owned_.get()); }
  std::string_view name(int column) const { return PQfname(owned_.get(), column); }
  std::optional<std::string_view> value(int row, int column) const;
  bool is_number(int column) const;
  /// As JSON: numbers, booleans and json as such, the rest as strings.
  std::string json(int row, int column) const;

 private:
  struct clear {
    void operator()(PGresult* owned) const { PQclear(owned); }
  };
  std::unique_ptr<PGresult, clear> owned_;
};

class session {
 public:
  /// Throws dcb::connection_error.
  explicit session(const settings& with);
  /// Runs one statement with `$1`, `$2` … in a transaction of its own. Notices go to standard error. Throws dcb::error.
  rows run(const std::string& sql, const std::vector<std::optional<std::string>>& parameters = {});

 private:
  struct finish {
    void operator()(PGconn* owned) const { PQfinish(owned); }
  };
  std::unique_ptr<PGconn, finish> owned_;
};

/// All rows, as a table or as JSON lines.
void print(const rows& all, const settings& with);
/// One value under a name.
void print(const std::string& name, const std::string& json_value, const settings& with);

}  // namespace tool
