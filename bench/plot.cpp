#include <algorithm>
#include <cmath>
#include <sstream>

#include "report.hpp"
#include "text.hpp"

namespace bench {
namespace {

constexpr double width = 760, height = 400, left = 70, right = 200, top = 40, bottom = 50;
// Okabe and Ito's colours, which people tell apart who see few of them.
constexpr const char* colours[] = {"#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#000000", "#999999"};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
  return out;
}

class drawing {
 public:
  explicit drawing(const chart& of) : of_(of) {
    double least = 1e300, most = 0;
    for (const auto& line : of.lines)
      for (const auto& value : line.values)
        if (value.median > 0) {
          least = std::min(least, value.min);
          most = std::max(most, value.max);
        }
    low_ = std::floor(std::log10(std::max(least, 1e-9)));
    high_ = std::max(std::ceil(std::log10(std::max(most, 1e-9))), low_ + 1);
  }

  std::string draw() {
    out_ << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << width << ' ' << height
         << "\" font-family=\"sans-serif\" font-size=\"12\">\n"
         << "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    text(left, 22, "start", of_.title, " font-size=\"15\"");
    axes();
    for (std::size_t i = 0; i < of_.lines.size(); ++i) line(i);
    labels();
    out_ << "</svg>\n";
    return out_.str();
  }

 private:
  double x(std::size_t point) const {
    const auto steps = static_cast<double>(std::max<std::size_t>(of_.points.size() - 1, 1));
    return left + 20 + (width - left - right - 40) * static_cast<double>(point) / steps;
  }
  double y(double value) const { return height - bottom - (std::log10(value) - low_) / (high_ - low_) * (height - top - bottom); }

  void text(double at_x, double at_y, const char* anchor, const std::string& words, const std::string& more = "") {
    out_ << "<text x=\"" << at_x << "\" y=\"" << at_y << "\" text-anchor=\"" << anchor << '"' << more << '>' << escaped(words) << "</text>\n";
  }
  void stroke(double x1, double y1, double x2, double y2, const std::string& style) {
    out_ << "<line x1=\"" << x1 << "\" y1=\"" << y1 << "\" x2=\"" << x2 << "\" y2=\"" << y2 << "\" " << style << "/>\n";
  }

  void axes() {
    for (double power = low_; power <= high_; ++power)
      for (const double digit : {1.0, 2.0, 5.0}) {
        const auto value = digit * std::pow(10, power);
        if (digit > 1 && power == high_) break;
        stroke(left, y(value), width - right, y(value), digit == 1 ? "stroke=\"#bbb\"" : "stroke=\"#eee\"");
        text(
            left - 6, y(value) + 4, "end", value >= 1000 ? readable(value) : [&] {
              std::ostringstream s;
              s << value;
              return s.str();
            }());
      }
    for (std::size_t i = 0; i < of_.points.size(); ++i) text(x(i), height - bottom + 18, "middle", of_.points[i]);
    text((left + width - right) / 2, height - 10, "middle", of_.x_title);
    text(0, 0, "middle", of_.y_title, " transform=\"translate(14 " + std::to_string((top + height - bottom) / 2) + ") rotate(-90)\"");
  }

  // The medians, with a bar from the smallest to the largest round.
  void line(std::size_t which) {
    const std::string colour = colours[which % std::size(colours)];
    std::ostringstream path;
    for (std::size_t i = 0; i < of_.points.size(); ++i) {
      const auto& value = of_.lines[which].values[i];
      if (value.median <= 0) continue;
      path << (path.tellp() == 0 ? "M" : " L") << x(i) << ' ' << y(value.median);
      stroke(x(i), y(std::max(value.min, 1e-9)), x(i), y(value.max), "stroke=\"" + colour + "\" stroke-opacity=\"0.5\"");
      out_ << "<circle cx=\"" << x(i) << "\" cy=\"" << y(value.median) << "\" r=\"3\" fill=\"" << colour << "\"/>\n";
    }
    out_ << "<path d=\"" << path.str() << "\" fill=\"none\" stroke=\"" << colour << "\" stroke-width=\"2\"/>\n";
  }

  // Beside the lines' ends, moved apart where they would overlap.
  void labels() {
    struct label {
      double at;
      std::size_t line;
    };
    std::vector<label> all;
    for (std::size_t i = 0; i < of_.lines.size(); ++i)
      if (const auto end = of_.lines[i].values.back().median; end > 0) all.push_back({y(end), i});
    std::ranges::sort(all, {}, &label::at);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i > 0) all[i].at = std::max(all[i].at, all[i - 1].at + 15);
      text(width - right + 8, all[i].at + 4, "start", of_.lines[all[i].line].label,
           std::string{" fill=\""} + colours[all[i].line % std::size(colours)] + '"');
    }
  }

  const chart& of_;
  double low_, high_;
  std::ostringstream out_;
};

}  // namespace

std::string svg(const chart& of) { return drawing{of}.draw(); }

}  // namespace bench
