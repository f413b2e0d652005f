#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace tool {

/// Columns as wide as what is in them, under their names. Control characters are shown as blanks.
class text_table {
 public:
  void add_column(std::string name, bool right_aligned = false);
  void add_cell(std::string text);  ///< row by row, column by column
  void print(std::ostream& out) const;

 private:
  struct column {
    std::string name;
    bool right_aligned;
    std::size_t width;
  };
  std::vector<column> columns_{};
  std::vector<std::string> cells_{};
};

}  // namespace tool
