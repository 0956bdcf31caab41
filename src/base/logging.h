#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

// The program's log: structured lines with a level, the module that speaks, a short constant message and fields.

namespace tarn {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

struct LogField {
  std::string_view key;
  std::variant<int64_t, double, bool, std::string> value;

  LogField(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  template <typename T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  LogField(std::string_view k, T v) : key(k), value(int64_t(v)) {}
};

// Thread-safe. Owned by cli/assemble.cc or a test; outlives whoever logs. Messages never carry secrets: a secret has
// the type Secret (base/secret.h), which no field takes.
class Logger {
 public:
  virtual ~Logger() = default;
  virtual void Log(LogLevel level, std::string_view module, std::string_view message,
                   std::initializer_list<LogField> fields) = 0;
  virtual bool Enabled(LogLevel level) const = 0;

  void Debug(std::string_view module, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (Enabled(LogLevel::kDebug)) Log(LogLevel::kDebug, module, message, fields);
  }
  void Info(std::string_view module, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (Enabled(LogLevel::kInfo)) Log(LogLevel::kInfo, module, message, fields);
  }
  void Warn(std::string_view module, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (Enabled(LogLevel::kWarn)) Log(LogLevel::kWarn, module, message, fields);
  }
  void Error(std::string_view module, std::string_view message, std::initializer_list<LogField> fields = {}) {
    Log(LogLevel::kError, module, message, fields);
  }
};

// Writes one line a message to `path` ("-" is stderr): "2026-11-24T14:05:06.123456Z INFO broker listening port=9092",
// or one JSON object a line. A file is rotated at 10 MB, five are kept. A line that cannot be written (a full disk) is
// lost; a file that cannot be opened is told on stderr, and so are then its lines.
struct LoggerOptions {
  std::string path = "-";
  LogLevel level = LogLevel::kInfo;
  bool json = false;
};
std::unique_ptr<Logger> MakeLogger(const LoggerOptions& options);

// Drops everything.
Logger& NullLogger();

}  // namespace tarn
