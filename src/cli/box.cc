#include <algorithm>
#include <clocale>
#include <cwchar>

#include "cli/result_printers.h"

// Boxes: every cell cut to its column, columns cut until the whole fits the terminal.

namespace tarn::cli {
namespace {

constexpr size_t kNarrowest = 12;  // a column is cut to this many before whole columns are left out
constexpr char kEllipsis[] = "…";

// The next code point of a UTF-8 text and its length in bytes; malformed bytes count as themselves.
char32_t TakeCodePoint(std::string_view text, size_t* length) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (size > text.size() || lead == 0xFF) return *length = 1, char32_t(lead);
  char32_t point = size == 1 ? lead : lead & (0x7Fu >> size);
  for (size_t i = 1; i < size; ++i) point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  return *length = size, point;
}

size_t PointWidth(char32_t point) {
  static const bool has_locale = std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr;
  const int width = has_locale ? ::wcwidth(wchar_t(point)) : 1;
  return width < 0 ? 0 : size_t(width);
}

// One line: control characters made visible.
std::string OneLine(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c == '\n')
      line += "\\n";
    else if (c == '\r')
      line += "\\r";
    else if (c == '\t')
      line += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      line += "·";
    else
      line += c;
  }
  return line;
}

std::string CutTo(const std::string& text, size_t width) {
  if (DisplayWidth(text) <= width) return text;
  std::string cut;
  size_t used = 0;
  for (std::string_view rest = text; !rest.empty();) {
    size_t length = 0;
    const size_t next = PointWidth(TakeCodePoint(rest, &length));
    if (used + next + 1 > width) break;
    cut.append(rest.substr(0, length));
    used += next;
    rest.remove_prefix(length);
  }
  return cut + kEllipsis;
}

bool IsNumeric(std::string_view type) {
  for (const char* prefix : {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "U"})
    if (type.starts_with(prefix) && type != "UUID") return true;
  return false;
}

class Box {
 public:
  Box(const std::vector<ResultColumn>& head, const std::vector<TextRow>& rows, const OutputOptions& options)
      : options_(options) {
    for (const ResultColumn& column : head) {
      names_.push_back(OneLine(column.name));
      types_.push_back(Lower(column.type));
      numeric_.push_back(IsNumeric(column.type));
      has_types_ = has_types_ || !column.type.empty();
      widths_.push_back(std::max(DisplayWidth(names_.back()), DisplayWidth(types_.back())));
      shown_.push_back(shown_.size());
    }
    for (const TextRow& row : rows) {
      auto& cells = cells_.emplace_back();
      for (size_t i = 0; i < head.size(); ++i) {
        const bool null = i >= row.size() || !row[i];
        cells.push_back({null ? "NULL" : OneLine(*row[i]), null});
        widths_[i] = std::max(widths_[i], DisplayWidth(cells.back().text));
      }
    }
    FitWidth();
  }

  // `hidden` rows are left out after the first half.
  std::string Format(size_t hidden) const {
    std::string out = Rule("┌", "┬", "┐") + HeadLine(names_, "\033[1m");
    if (has_types_) out += HeadLine(types_, "\033[2m");
    if (cells_.empty()) return out + Rule("└", "┴", "┘");
    out += Rule("├", "┼", "┤");
    for (size_t row = 0; row < cells_.size(); ++row) {
      if (hidden > 0 && row == cells_.size() / 2) out += DotsLine();
      out += RowLine(cells_[row]);
    }
    return out + Rule("└", "┴", "┘");
  }

 private:
  struct Cell {
    std::string text;
    bool null = false;
  };

  static std::string Lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    return text;
  }

  size_t TotalWidth(size_t cap) const {
    size_t total = left_out_ ? 5 : 1;
    for (const size_t i : shown_) total += std::min(widths_[i], cap) + 3;
    return total;
  }

  void FitWidth() {
    if (options_.width <= 0) return;
    const auto room = size_t(options_.width);
    while (shown_.size() > 2 && TotalWidth(kNarrowest) > room) {
      shown_.erase(shown_.begin() + std::ptrdiff_t(shown_.size() / 2));
      left_out_ = true;
    }
    size_t cap = 0;
    for (const size_t width : widths_) cap = std::max(cap, width);
    while (cap > kNarrowest && TotalWidth(cap) > room) --cap;
    for (size_t& width : widths_) width = std::min(width, cap);
  }

  // Calls `cell` for each shown column and `gap` where some are left out.
  template <typename CellText, typename GapText>
  std::string Line(const CellText& cell, const GapText& gap, const char* left, const char* middle,
                   const char* right) const {
    std::string out = left;
    for (size_t i = 0; i < shown_.size(); ++i) {
      if (i > 0) out += middle;
      if (left_out_ && i == (shown_.size() + 1) / 2) out += gap() + middle;
      out += cell(shown_[i]);
    }
    return out + right + "\n";
  }

  std::string Rule(const char* left, const char* middle, const char* right) const {
    const auto dashes = [](size_t count) {
      std::string line;
      while (count-- > 0) line += "─";
      return line;
    };
    return Line([&](size_t i) { return dashes(widths_[i] + 2); }, [&] { return dashes(3); }, left, middle, right);
  }

  std::string HeadLine(const std::vector<std::string>& texts, const char* style) const {
    return Line([&](size_t i) { return " " + Padded(texts[i], widths_[i], false, style) + " "; },
                [] { return std::string(" ") + kEllipsis + " "; }, "│", "│", "│");
  }
  std::string RowLine(const std::vector<Cell>& row) const {
    return Line(
        [&](size_t i) {
          return " " + Padded(row[i].text, widths_[i], numeric_[i], row[i].null ? "\033[2m" : "") + " ";
        },
        [] { return std::string(" ") + kEllipsis + " "; }, "│", "│", "│");
  }
  std::string DotsLine() const {
    return Line([&](size_t i) { return " " + Padded("·", widths_[i], numeric_[i], "\033[2m") + " "; },
                [] { return std::string(" · "); }, "│", "│", "│");
  }

  std::string Padded(const std::string& text, size_t width, bool right, const char* style) const {
    const std::string cut = CutTo(text, width);
    const std::string space(width - std::min(width, DisplayWidth(cut)), ' ');
    const std::string styled = options_.color && *style ? style + cut + "\033[0m" : cut;
    return right ? space + styled : styled + space;
  }

  const OutputOptions& options_;
  std::vector<std::string> names_, types_;
  std::vector<bool> numeric_;
  bool has_types_ = false;
  std::vector<std::vector<Cell>> cells_;
  std::vector<size_t> widths_;
  std::vector<size_t> shown_;  // columns; those in the middle may be left out
  bool left_out_ = false;
};

}  // namespace

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    size_t length = 0;
    width += PointWidth(TakeCodePoint(text, &length));
    text.remove_prefix(length);
  }
  return width;
}

std::string FormatBox(const std::vector<ResultColumn>& head, const std::vector<TextRow>& rows,
                      const OutputOptions& options) {
  if (options.rows_max == 0 || rows.size() <= options.rows_max) return Box(head, rows, options).Format(0);
  const size_t half = std::max<size_t>(1, options.rows_max / 2);
  std::vector<TextRow> some(rows.begin(), rows.begin() + std::ptrdiff_t(half));
  some.insert(some.end(), rows.end() - std::ptrdiff_t(half), rows.end());
  return Box(head, some, options).Format(rows.size() - some.size());
}

}  // namespace tarn::cli
