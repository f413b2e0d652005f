#include "text_table.hpp"

#include <algorithm>
#include <ostream>

namespace tool {
namespace {

// Of UTF-8, in characters.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void print_cell(std::ostream& out, const std::string& text, std::size_t width, bool right_aligned, bool last) {
  const std::string space(width - width_of(text), ' ');
  if (right_aligned) out << space;
  out << text;
  if (!right_aligned && !last) out << space;
}

}  // namespace

void text_table::add_column(std::string name, bool right_aligned) {
  const auto width = width_of(name);
  columns_.push_back({std::move(name), right_aligned, width});
}

void text_table::add_cell(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  auto& width = columns_[cells_.size() % columns_.size()].width;
  width = std::max(width, width_of(text));
  cells_.push_back(std::move(text));
}

void text_table::print(std::ostream& out) const {
  const auto line = [&](auto&& text_of, auto&& aligned) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out << "  ";
      print_cell(out, text_of(i), columns_[i].width, aligned(i), i + 1 == columns_.size());
    }
    out << '\n';
  };
  line([&](std::size_t i) { return columns_[i].name; }, [&](std::size_t i) { return columns_[i].right_aligned; });
  line([&](std::size_t i) { return std::string(columns_[i].width, '-'); }, [](std::size_t) { return false; });
  for (std::size_t row = 0; row < cells_.size(); row += columns_.size())
    line([&](std::size_t i) { return cells_[row + i]; }, [&](std::size_t i) { return columns_[i].right_aligned; });
}

}  // namespace tool
