#include "cli/result_printers.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include "base/yaml.h"

namespace tarn::cli {
namespace {

constexpr size_t kRowsOnTerminal = 60;

std::string Footer(const ResultEnd& end) {
  char time[32];
  std::snprintf(time, sizeof time, end.seconds < 10 ? "%.3f s" : "%.1f s", end.seconds);
  return GroupDigits(end.rows) + (end.rows == 1 ? " row in " : " rows in ") + time;
}

class Printer : public ResultPrinter {
 public:
  Printer(const OutputOptions& options, std::FILE* out) : options_(options), out_(out) {}

  void Begin(const ResultHead& head) override {
    head_ = head;
    if (head_.kind != "nothing") BeginRows();
  }
  void Row(std::string_view line) override {
    if (head_.kind == "nothing") return;
    if (const auto row = ParseTextRow(line); row.ok()) OneRow(*row);
  }
  void End(const ResultEnd& end) override {
    if (head_.kind != "nothing") EndRows(end);
    std::fflush(out_);
  }

 protected:
  virtual void BeginRows() {}
  virtual void OneRow(const TextRow& row) = 0;
  virtual void EndRows(const ResultEnd&) {}
  void Put(std::string_view text) { std::fwrite(text.data(), 1, text.size(), out_); }

  const OutputOptions options_;
  std::FILE* const out_;
  ResultHead head_;
};

// The lines are what is wanted already.
class JsonPrinter final : public Printer {
 public:
  using Printer::Printer;
  void Row(std::string_view line) override {
    if (head_.kind == "nothing") return;
    Put(line);
    Put("\n");
  }
  void OneRow(const TextRow&) override {}
};

// Keeps what it needs to know the widths: all rows, or the first and last of them.
class BoxPrinter final : public Printer {
 public:
  using Printer::Printer;

 private:
  void OneRow(const TextRow& row) override {
    ++count_;
    const size_t half = options_.rows_max / 2;
    if (options_.rows_max == 0 || first_.size() < half) {
      first_.push_back(row);
      return;
    }
    last_.push_back(row);
    if (last_.size() > options_.rows_max - half + 1) last_.pop_front();
  }
  void EndRows(const ResultEnd& end) override {
    if (head_.kind == "changed") {
      const std::string rows = first_.empty() || first_[0].empty() ? "0" : first_[0][0].value_or("0");
      if (options_.timing) Put(rows + (rows == "1" ? " row changed\n" : " rows changed\n"));
      return;
    }
    // More rows than are kept: FormatBox sees one too many and leaves the middle out.
    std::vector<TextRow> rows = std::move(first_);
    rows.insert(rows.end(), last_.begin(), last_.end());
    Put(FormatBox(head_.columns, rows, options_));
    if (!options_.timing) return;
    const bool some = options_.rows_max > 0 && count_ > options_.rows_max;
    Put(Footer(end) + (some ? " (" + GroupDigits(options_.rows_max / 2 * 2) + " shown)\n" : "\n"));
  }

  uint64_t count_ = 0;
  std::vector<TextRow> first_;
  std::deque<TextRow> last_;
};

// RFC 4180. NULL is nothing, an empty string is "".
class CsvPrinter final : public Printer {
 public:
  using Printer::Printer;

 private:
  static std::string Quoted(const std::string& text) {
    if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + '"';
  }
  void BeginRows() override {
    std::string line;
    for (const auto& column : head_.columns) line += (line.empty() ? "" : ",") + Quoted(column.name);
    Put(line + "\n");
  }
  void OneRow(const TextRow& row) override {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += ',';
      if (row[i]) line += Quoted(*row[i]);
    }
    Put(line + "\n");
  }
};

class MarkdownPrinter final : public Printer {
 public:
  using Printer::Printer;

 private:
  static std::string Escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
      if (c == '|')
        out += "\\|";
      else if (c == '\n')
        out += "<br>";
      else
        out += c;
    }
    return out;
  }
  void BeginRows() override {
    std::string names = "|", rule = "|";
    for (const auto& column : head_.columns) {
      names += " " + Escaped(column.name) + " |";
      rule += " --- |";
    }
    Put(names + "\n" + rule + "\n");
  }
  void OneRow(const TextRow& row) override {
    std::string line = "|";
    for (const auto& cell : row) line += " " + (cell ? Escaped(*cell) : "NULL") + " |";
    Put(line + "\n");
  }
};

class VerticalPrinter final : public Printer {
 public:
  using Printer::Printer;

 private:
  void OneRow(const TextRow& row) override {
    size_t widest = 0;
    for (const auto& column : head_.columns) widest = std::max(widest, DisplayWidth(column.name));
    Put("─── row " + std::to_string(++count_) + " ───\n");
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string& name = head_.columns[i].name;
      Put(std::string(widest - DisplayWidth(name), ' ') + name + "  " + row[i].value_or("NULL") + "\n");
    }
  }
  void EndRows(const ResultEnd& end) override {
    if (options_.timing) Put(Footer(end) + "\n");
  }
  uint64_t count_ = 0;
};

}  // namespace

Result<OutputMode> ParseOutputMode(const std::string& name) {
  static const std::vector<std::string> names = {"box", "csv", "json", "markdown", "vertical"};
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return OutputMode(found - names.begin());
  const auto nearest = NearestWord(name, names);
  return Error(ErrorCode::kInvalidArgument,
               "there is no output mode '" + name + "'; " +
                   (nearest ? "did you mean " + *nearest + "?" : "it is box, csv, json, markdown or vertical"));
}

serve::RowFormat RowFormatOf(OutputMode mode) {
  return mode == OutputMode::kJson ? serve::RowFormat::kObjects : serve::RowFormat::kText;
}

std::unique_ptr<ResultPrinter> MakePrinter(const OutputOptions& options, std::FILE* out) {
  switch (options.mode) {
    case OutputMode::kBox:
      return std::make_unique<BoxPrinter>(options, out);
    case OutputMode::kCsv:
      return std::make_unique<CsvPrinter>(options, out);
    case OutputMode::kJson:
      return std::make_unique<JsonPrinter>(options, out);
    case OutputMode::kMarkdown:
      return std::make_unique<MarkdownPrinter>(options, out);
    case OutputMode::kVertical:
      return std::make_unique<VerticalPrinter>(options, out);
  }
  return nullptr;
}

OutputOptions OutputOptionsFor(std::FILE* out) {
  OutputOptions options;
  struct winsize size = {};
  if (::isatty(::fileno(out)) == 0) return options;
  const char* no_color = ::getenv("NO_COLOR");
  options.color = no_color == nullptr || *no_color == '\0';
  options.rows_max = kRowsOnTerminal;
  if (::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0) options.width = size.ws_col;
  return options;
}

std::string GroupDigits(uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::ptrdiff_t at = std::ptrdiff_t(digits.size()) - 3; at > 0; at -= 3) digits.insert(size_t(at), ",");
  return digits;
}

}  // namespace tarn::cli
