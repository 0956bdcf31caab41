#include "cli/assemble.h"

#include <unistd.h>

#include "base/random.h"
#include "cli/process_memory.h"
#include "cli/stream_table.h"
#include "cli/version.h"
#include "serve/http_api.h"

namespace tarn::cli {
namespace {

// Of the memory budget DuckDB gets what the fixed parts of the process and the streams' own queues leave.
constexpr uint64_t kEngineShare = 3;  // one third
constexpr int kEngineThreads = 2;
constexpr Micros kRetryAfter = 1'000'000;

void SleepUnless(const std::atomic<bool>& stop, Clock& clock, Micros duration) {
  for (Micros slept = 0; slept < duration && !stop; slept += 50'000) clock.SleepFor(50'000);
}

}  // namespace

Platform::Platform(PlatformOptions options, const Surroundings& surroundings)
    : options_(std::move(options)),
      around_(surroundings),
      started_at_(around_.clock.Now()),
      started_steady_(around_.clock.Steady()) {}

Platform::~Platform() {
  Stop();
}

Result<std::unique_ptr<Platform>> Platform::Start(PlatformOptions options, const Surroundings& surroundings) {
  std::unique_ptr<Platform> platform(new Platform(std::move(options), surroundings));
  const ProjectFile& project = platform->options_.project;

  // Tables: files in the data directory, names in the catalog, both in SQL.
  TARN_ASSIGN_OR_RETURN(platform->house_, Lakehouse::Open({.data_dir = platform->options_.data_dir,
                                                           .engine_memory_bytes = project.memory_bytes / kEngineShare,
                                                           .engine_threads = kEngineThreads,
                                                           .compression = project.compression},
                                                          surroundings));
  TARN_TRY(platform->house_->catalog().CreateNamespace(project.name_space));

  // The event log, and the streams that read it into tables.
  TARN_TRY(platform->StartLog());
  for (const StreamSpec& spec : project.streams)
    if (auto made = platform->MakeStream(spec); !made.ok())
      return Error(made.error()).WithContext("stream " + spec.options.name);
  TARN_TRY(platform->StartStreams());

  // What sends events by itself.
  if (platform->options_.run_generators)
    for (const GeneratorSpec& spec : project.generators) TARN_TRY(platform->StartGenerator(spec));

  // SQL, health and figures over HTTP. Last: whoever gets an answer finds everything there.
  TARN_TRY(platform->StartHttp());
  return platform;
}

Status Platform::StartLog() {
  if (!options_.project.kafka.empty()) {
    TARN_ASSIGN_OR_RETURN(log_, ConnectKafka(options_.project.kafka));
  } else {
    loop_ = std::make_unique<net::EventLoop>(2);
    TARN_ASSIGN_OR_RETURN(log_,
                          StartEmbeddedLog({.port = options_.kafka_port, .directory = options_.data_dir + "/broker"},
                                           {.file_system = around_.file_system,
                                            .clock = around_.clock,
                                            .random = Random::FromEntropy(),
                                            .logger = around_.logger,
                                            .metrics = around_.metrics,
                                            .loop = *loop_}));
  }
  kafka_address_ = log_->address();
  return Ok();
}

Status Platform::MakeStream(const StreamSpec& spec) {
  TARN_ASSIGN_OR_RETURN(const StreamTables tables,
                        OpenStreamTables(spec, options_.project.name_space, house_->catalog(), house_->database()));
  RunningStream running{.spec = spec};
  TARN_ASSIGN_OR_RETURN(running.source, log_->OpenSource(spec.options.topic));
  if (spec.dead_letter_topic.empty()) {
    running.dead_letter_topic = stream::MakeNoDeadLetterTopic();
  } else {
    TARN_ASSIGN_OR_RETURN(running.dead_letter_topic, log_->OpenDeadLetterTopic(spec.dead_letter_topic));
  }
  TARN_ASSIGN_OR_RETURN(running.stream,
                        stream::Stream::Make(spec.options, {.source = *running.source,
                                                            .database = house_->database(),
                                                            .store_scheme = kStoreScheme,
                                                            .table = tables.table,
                                                            .dead_letter_table = tables.dead_letters,
                                                            .dead_letter_topic = *running.dead_letter_topic,
                                                            .clock = around_.clock,
                                                            .logger = around_.logger,
                                                            .metrics = around_.metrics}));
  streams_.push_back(std::move(running));
  return Ok();
}

// Topics first: a stream finds its topic when it starts. Only another Kafka may not answer yet; then it is waited for.
Status Platform::StartStreams() {
  const Status topics = log_->EnsureTopics(options_.project.topics);
  if (!topics.ok()) {
    if (log_->embedded()) return topics;
    log_problem_ = topics.error().ToString();
    starter_ = std::thread([this] { StartStreamsWhenLogAnswers(); });
    return Ok();
  }
  for (RunningStream& running : streams_) TARN_TRY(running.stream->Start());
  return Ok();
}

void Platform::StartStreamsWhenLogAnswers() {
  while (!stopping_) {
    Status status = log_->EnsureTopics(options_.project.topics);
    for (size_t i = 0; status.ok() && i < streams_.size(); ++i) status = streams_[i].stream->Start();
    {
      std::lock_guard lock(mutex_);
      log_problem_ = status.ok() ? "" : status.error().ToString();
    }
    if (status.ok()) return;
    SleepUnless(stopping_, around_.clock, kRetryAfter);
  }
}

Status Platform::StartHttp() {
  sql_ = std::make_unique<serve::SqlService>(serve::SqlServiceOptions{}, house_->lake(), around_.clock,
                                             Random::FromEntropy());
  http_handler_ =
      serve::MakeHttpApi({.status = [this] { return CurrentStatus(); }, .sql = *sql_, .metrics = around_.metrics});
  TARN_ASSIGN_OR_RETURN(
      http_, net::HttpServer::Start({.port = options_.http_port, .workers = 16}, http_handler_, around_.logger));
  http_address_ = http_->address();
  return Ok();
}

Status Platform::StartGenerator(const GeneratorSpec& spec) {
  auto running = std::make_unique<RunningGenerator>();
  running->spec = spec;
  SenderOptions sender{
      .bootstrap = options_.generator_bootstrap.empty() ? kafka_address_ : options_.generator_bootstrap,
      .topic = spec.topic,
      .generator = spec.options,
      .state_path = options_.data_dir + "/generators/" + spec.name + ".json"};
  const double rate = options_.generator_rate >= 0 ? options_.generator_rate : spec.rate;
  sender.paced = rate > 0;
  sender.generator.start = started_at_;
  if (sender.paced)
    sender.generator.event_rate = rate;
  else if (sender.generator.count > 0)
    sender.generator = generate::BacklogOptions(sender.generator);
  TARN_TRY(around_.file_system.CreateDirectories(options_.data_dir + "/generators"));
  running->sender = MakeClickstreamSender(sender, around_.file_system, around_.clock);
  running->thread = std::thread([this, generator = running.get()] { RunGenerator(*generator); });
  generators_.push_back(std::move(running));
  return Ok();
}

// A generator that can not deliver tries again: it never holds up anything else.
void Platform::RunGenerator(RunningGenerator& generator) {
  while (!stopping_) {
    const Status status = generator.sender->Run(stopping_);
    {
      std::lock_guard lock(generator.mutex);
      generator.problem = status.ok() ? "" : status.error().ToString();
    }
    if (status.ok()) return;
    around_.logger.Warn("generate", "cannot deliver",
                        {{"generator", generator.spec.name}, {"error", status.error().ToString()}});
    SleepUnless(stopping_, around_.clock, kRetryAfter);
  }
}

std::vector<std::string> Platform::Problems(const std::vector<serve::StreamView>& streams) {
  std::vector<std::string> problems;
  if (std::string log = log_->Problem(); !log.empty()) problems.push_back("log: " + log);
  {
    std::lock_guard lock(mutex_);
    if (!log_problem_.empty()) {
      problems.push_back("log: " + log_problem_);
      return problems;  // the streams wait for it
    }
  }
  for (const serve::StreamView& view : streams)
    if (!view.status.healthy)
      problems.push_back("stream " + view.name + ": " +
                         (view.status.reason.empty() ? "not running" : view.status.reason));
  return problems;
}

serve::PlatformStatus Platform::CurrentStatus() {
  const ProcessMemory memory = ReadProcessMemory();
  serve::PlatformStatus status{.project = options_.project.name,
                               .version = kVersion,
                               .data_directory = options_.data_dir,
                               .pid = ::getpid(),
                               .started_at = started_at_,
                               .uptime = around_.clock.Steady() - started_steady_,
                               .kafka_address = kafka_address_,
                               .kafka_is_embedded = log_->embedded(),
                               .http_address = http_address_,
                               .memory = {.resident_bytes = memory.resident_bytes,
                                          .peak_bytes = memory.peak_bytes,
                                          .engine_bytes = house_->database().MemoryUsed(),
                                          .budget_bytes = options_.project.memory_bytes}};
  for (const RunningStream& running : streams_)
    status.streams.push_back({.name = running.spec.options.name,
                              .topic = running.spec.options.topic,
                              .table = options_.project.name_space + "." + running.spec.table,
                              .dead_letter_table = options_.project.name_space + "." + running.spec.dead_letter_table,
                              .status = running.stream->CurrentStatus()});
  for (const auto& generator : generators_) {
    std::lock_guard lock(generator->mutex);
    status.generators.push_back({.name = generator->spec.name,
                                 .topic = generator->spec.topic,
                                 .produced = generator->sender->ledger().produced(),
                                 .problem = generator->problem});
  }
  status.problems = Problems(status.streams);
  return status;
}

void Platform::Stop() {
  std::call_once(stopped_, [this] {
    stopping_ = true;
    for (const auto& generator : generators_)
      if (generator->thread.joinable()) generator->thread.join();
    if (starter_.joinable()) starter_.join();
    for (RunningStream& running : streams_) running.stream->Stop(/*drain=*/true);
    if (http_) http_->Stop();
    if (log_) log_->Stop();
  });
}

}  // namespace tarn::cli
