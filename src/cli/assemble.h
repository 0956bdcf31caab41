#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "cli/clickstream_sender.h"
#include "cli/event_log.h"
#include "cli/lakehouse.h"
#include "cli/project_file.h"
#include "net/event_loop.h"
#include "net/http_server.h"
#include "serve/platform_status.h"
#include "serve/sql_service.h"
#include "stream/stream.h"

// Everything that `tarn up` runs, put together: read Platform::Start from top to bottom.

namespace tarn::cli {

struct PlatformOptions {
  ProjectFile project;
  std::string data_dir;
  uint16_t kafka_port = 9092;  // 0: any free one
  uint16_t http_port = 8080;
  bool run_generators = true;
  std::string generator_bootstrap;  // empty: the project's log
  double generator_rate = -1;       // overrides the project's when not negative
};

// Owned by `tarn up` or a test. Thread-safe.
class Platform {
 public:
  // Returns when everything listens and the streams run, or wait for a Kafka that does not answer yet. kUnavailable: a
  // port is taken; the message names its holder.
  static Result<std::unique_ptr<Platform>> Start(PlatformOptions options, const Surroundings& surroundings);
  ~Platform();  // Stop
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  serve::PlatformStatus CurrentStatus();
  const std::string& kafka_address() const { return kafka_address_; }
  const std::string& http_address() const { return http_address_; }
  // Commits what was read, answers what was asked, syncs what was written. Idempotent.
  void Stop();

 private:
  // One stream with what it reads and writes.
  struct RunningStream {
    StreamSpec spec;
    std::unique_ptr<stream::Source> source;
    std::unique_ptr<stream::DeadLetterTopic> dead_letter_topic;
    std::unique_ptr<stream::Stream> stream;
  };
  struct RunningGenerator {
    GeneratorSpec spec;
    std::unique_ptr<ClickstreamSender> sender;
    std::mutex mutex;
    std::string problem;
    std::thread thread;
  };

  Platform(PlatformOptions options, const Surroundings& surroundings);
  Status StartLog();
  Status MakeStream(const StreamSpec& spec);
  Status StartStreams();
  void StartStreamsWhenLogAnswers();
  Status StartHttp();
  Status StartGenerator(const GeneratorSpec& spec);
  void RunGenerator(RunningGenerator& generator);
  std::vector<std::string> Problems(const std::vector<serve::StreamView>& streams);

  const PlatformOptions options_;
  const Surroundings around_;
  const Micros started_at_;
  const Micros started_steady_;
  std::string kafka_address_, http_address_;

  // In the order of their making; destroyed in reverse.
  std::unique_ptr<Lakehouse> house_;
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<EventLog> log_;
  std::vector<RunningStream> streams_;
  std::vector<std::unique_ptr<RunningGenerator>> generators_;
  std::unique_ptr<serve::SqlService> sql_;
  net::HttpHandler http_handler_;
  std::unique_ptr<net::HttpServer> http_;

  std::atomic<bool> stopping_ = false;
  std::once_flag stopped_;
  std::mutex mutex_;
  std::string log_problem_;  // why the streams are not started yet
  std::thread starter_;
};

}  // namespace tarn::cli
