// A plain text table: columns as wide as their widest cell, colours only where asked for.
#pragma once

#include <string>
#include <vector>

namespace hakmem::cli {

enum class Style { kPlain, kStrong, kFaint, kGood, kBad };
enum class Align { kLeft, kRight };

struct Cell {
  std::string text;
  Style style = Style::kPlain;
};

// `text` in the colour of `style`, unchanged without colours.
std::string styled(const std::string& text, Style style, bool colours);

// Three digits that matter: 0, 0.0123, 0.412, 4.12, 41.2, 412.
std::string three_digits(double value);

class Table {
 public:
  struct Column {
    std::string header;
    Align align;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // Missing cells at the end are empty. A row's last cell may be longer than its column.
  void add_row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
  void add_gap() { rows_.emplace_back(); }

  std::string render(bool colours) const;

 private:
  std::vector<std::size_t> widths() const;
  std::string render_row(const std::vector<Cell>& row, const std::vector<std::size_t>& widths,
                         bool colours) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace hakmem::cli
