#include "base/logging.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/clock.h"
#include "base/json_text.h"

namespace tarn {
namespace {

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "ERROR";
}

// Bare words only where nothing in them could be taken for another field or steer a terminal.
bool IsBareWord(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > 0x20 && c != 0x7f && c != '"' && c != '=' && c != '\\';
  });
}

void AppendValue(std::string& out, const LogField& field, bool json) {
  if (const auto* text = std::get_if<std::string>(&field.value)) {
    if (!json && IsBareWord(*text))
      out += *text;
    else
      AppendJsonString(*text, &out);
  } else if (const auto* flag = std::get_if<bool>(&field.value)) {
    out += *flag ? "true" : "false";
  } else if (const auto* number = std::get_if<int64_t>(&field.value)) {
    out += std::to_string(*number);
  } else {
    const double value = std::get<double>(field.value);
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", value);
    if (json && !std::isfinite(value))
      AppendJsonString(text, &out);  // JSON has no such number.
    else
      out += text;
  }
}

class SpdLogger final : public Logger {
 public:
  explicit SpdLogger(const LoggerOptions& options) : level_(options.level), json_(options.json) {
    try {
      if (options.path == "-")
        sink_ = std::make_shared<spdlog::sinks::stderr_sink_mt>();
      else
        sink_ = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.path, 10 << 20, 5);
    } catch (const std::exception& exception) {
      std::fprintf(stderr, "tarn: the log goes to stderr: %s\n", exception.what());
      sink_ = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    }
    sink_->set_pattern("%v");
  }

  bool Enabled(LogLevel level) const override { return level >= level_; }

  void Log(LogLevel level, std::string_view module, std::string_view message,
           std::initializer_list<LogField> fields) override {
    if (!Enabled(level)) return;
    std::string line;
    const std::string time = FormatTimestamp(SystemClock().Now());
    if (json_) {
      line += "{\"time\":\"" + time + "\",\"level\":\"";
      line += LevelName(level);
      line += "\",\"module\":";
      AppendJsonString(module, &line);
      line += ",\"message\":";
      AppendJsonString(message, &line);
      for (const LogField& field : fields) {
        line += ',';
        AppendJsonString(field.key, &line);
        line += ':';
        AppendValue(line, field, true);
      }
      line += '}';
    } else {
      line += time + ' ';
      line += LevelName(level);
      line += ' ';
      line += module;
      line += ' ';
      line += message;
      for (const LogField& field : fields) {
        line += ' ';
        line += field.key;
        line += '=';
        AppendValue(line, field, false);
      }
    }
    try {
      sink_->log(spdlog::details::log_msg("", spdlog::level::info, line));
      sink_->flush();
    } catch (const std::exception&) {
      // A full disk takes the log's lines, not the program; what failed is told by health and status, too.
    }
  }

 private:
  const LogLevel level_;
  const bool json_;
  std::shared_ptr<spdlog::sinks::sink> sink_;
};

class Nothing final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return false; }
  void Log(LogLevel, std::string_view, std::string_view, std::initializer_list<LogField>) override {}
};

}  // namespace

std::unique_ptr<Logger> MakeLogger(const LoggerOptions& options) {
  return std::make_unique<SpdLogger>(options);
}

Logger& NullLogger() {
  static Nothing logger;
  return logger;
}

}  // namespace tarn
