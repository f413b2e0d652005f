#include "session.hpp"

#include "text_table.hpp"

#include <array>
#include <iostream>

namespace tool {
namespace {

// Numbers of types that the server has had for ever.
enum oid : Oid { boolean = 16, int8 = 20, int2 = 21, int4 = 23, json_type = 114, float4 = 700, float8 = 701, numeric = 1700, jsonb = 3802 };

[[noreturn]] void fail(const PGresult* result) {
  auto field = [&](int code) -> std::string {
    const char* const text = PQresultErrorField(result, code);
    return text ? text : "";
  };
  std::string message = field(PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) throw dcb::connection_error{PQresultErrorMessage(result)};
  throw dcb::error{message, {.sqlstate = field(PG_DIAG_SQLSTATE), .detail = field(PG_DIAG_MESSAGE_DETAIL), .hint = field(PG_DIAG_MESSAGE_HINT)}};
}

std::string without_line_end(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

std::optional<std::string_view> rows::value(int row, int column) const {
  if (PQgetisnull(owned_.get(), row, column)) return {};
  return std::string_view{PQgetvalue(owned_.get(), row, column), static_cast<std::size_t>(PQgetlength(owned_.get(), row, column))};
}

bool rows::is_number(int column) const {
  const Oid type = PQftype(owned_.get(), column);
  return type == int8 || type == int2 || type == int4 || type == float4 || type == float8 || type == numeric;
}

std::string rows::json(int row, int column) const {
  const auto text = value(row, column);
  if (!text) return "null";
  const Oid type = PQftype(owned_.get(), column);
  if (type == boolean) return *text == "t" ? "true" : "false";
  if (type == json_type || type == jsonb) return std::string{*text};
  if (is_number(column) && text->find_first_of("Nn") == text->npos) return std::string{*text};  // neither NaN nor Infinity
  return dcb::to_json(std::string{*text});
}

session::session(const settings& with) {
  const std::array keywords{"fallback_application_name", "dbname", "client_encoding", static_cast<const char*>(nullptr)};
  const std::array values{"dcb", with.conninfo.c_str(), "UTF8", static_cast<const char*>(nullptr)};
  owned_.reset(PQconnectdbParams(keywords.data(), values.data(), 1));
  if (!owned_) throw std::bad_alloc{};
  if (PQstatus(owned_.get()) != CONNECTION_OK) throw dcb::connection_error{without_line_end(PQerrorMessage(owned_.get()))};
  PQsetNoticeReceiver(
      owned_.get(),
      [](void*, const PGresult* notice) {
        const char* const text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
        std::cerr << (text ? text : "") << '\n';
      },
      nullptr);
}

rows session::run(const std::string& sql, const std::vector<std::optional<std::string>>& parameters) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter ? parameter->c_str() : nullptr);
  PGresult* const result = PQexecParams(owned_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0);
  rows answer{result};
  const auto status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail(result);
  return answer;
}

void print(const rows& all, const settings& with) {
  if (with.print_table()) {
    text_table table;
    for (int column = 0; column < all.columns(); ++column) table.add_column(std::string{all.name(column)}, all.is_number(column));
    for (int row = 0; row < all.count(); ++row) {
      for (int column = 0; column < all.columns(); ++column) table.add_cell(std::string{all.value(row, column).value_or("")});
    }
    table.print(std::cout);
    return;
  }
  for (int row = 0; row < all.count(); ++row) {
    std::string line{'{'};
    for (int column = 0; column < all.columns(); ++column) {
      if (column > 0) line += ',';
      line += dcb::to_json(std::string{all.name(column)}) + ':' + all.json(row, column);
    }
    std::cout << line << "}\n";
  }
}

void print(const std::string& name, const std::string& json_value, const settings& with) {
  if (with.print_table())
    std::cout << json_value << '\n';
  else
    std::cout << '{' << dcb::to_json(name) << ':' << json_value << "}\n";
}

}  // namespace tool
