// See table.hpp.
#include "table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hakmem::cli {
namespace {

constexpr std::size_t kGapWidth = 2;

const char* escape(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kStrong:
      return "\033[1m";
    case Style::kFaint:
      return "\033[2m";
    case Style::kGood:
      return "\033[32m";
    case Style::kBad:
      return "\033[31m";
  }
  return "";
}

}  // namespace

std::string styled(const std::string& text, Style style, bool colours) {
  if (!colours || style == Style::kPlain || text.empty()) return text;
  return escape(style) + text + "\033[0m";
}

std::string three_digits(double value) {
  if (value == 0) return "0";
  const int decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : value >= 0.1 ? 3 : 4;
  return fmt::format("{:.{}f}", value, decimals);
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> result;
  for (const Column& column : columns_) result.push_back(column.header.size());
  for (const std::vector<Cell>& row : rows_) {
    const bool complete = row.size() == columns_.size();
    const std::size_t measured = complete || row.empty() ? row.size() : row.size() - 1;
    for (std::size_t i = 0; i < measured; ++i) {
      result[i] = std::max(result[i], row[i].text.size());
    }
  }
  return result;
}

std::string Table::render_row(const std::vector<Cell>& row, const std::vector<std::size_t>& widths,
                              bool colours) const {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::size_t length = row[i].text.size();
    const std::string padding(widths[i] > length ? widths[i] - length : 0, ' ');
    const bool right = columns_[i].align == Align::kRight;
    if (i > 0) line.append(kGapWidth, ' ');
    if (right) line += padding;
    line += styled(row[i].text, row[i].style, colours);
    if (!right && i + 1 < row.size()) line += padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string Table::render(bool colours) const {
  const std::vector<std::size_t> widths = this->widths();
  std::vector<Cell> header;
  std::size_t total = kGapWidth * (columns_.size() - 1);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    header.push_back({columns_[i].header, Style::kStrong});
    total += widths[i];
  }
  std::string text = render_row(header, widths, colours);
  text += styled(std::string(total, '-'), Style::kFaint, colours) + "\n";
  for (const std::vector<Cell>& row : rows_) text += render_row(row, widths, colours);
  return text;
}

}  // namespace hakmem::cli
