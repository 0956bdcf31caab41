#include "broker/broker.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "broker/broker_internal.h"
#include "broker/broker_metrics_internal.h"
#include "broker/handlers/api_internal.h"
#include "broker/topic_ids.h"
#include "net/frame_server.h"

namespace tarn::broker {

// ---- What handlers share

uint64_t WaitingRequests::Add(std::function<void()> give_up) {
  {
    std::lock_guard lock(mutex_);
    if (!stopping_) {
      waiting_.emplace(next_, std::move(give_up));
      return next_++;
    }
  }
  give_up();
  return 0;
}

void WaitingRequests::Remove(uint64_t token) {
  std::lock_guard lock(mutex_);
  waiting_.erase(token);
}

void WaitingRequests::GiveUpAll() {
  std::map<uint64_t, std::function<void()>> waiting;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    left_.wait(lock, [this] { return inside_ == 0; });
    waiting.swap(waiting_);
  }
  for (auto& [token, give_up] : waiting) give_up();
}

bool WaitingRequests::Enter() {
  std::lock_guard lock(mutex_);
  if (stopping_) return false;
  ++inside_;
  return true;
}

void WaitingRequests::Leave() {
  std::lock_guard lock(mutex_);
  --inside_;
  left_.notify_all();
}

std::shared_ptr<PartitionLog> FindPartition(const BrokerContext& context, std::string_view topic, int32_t partition) {
  const auto found = context.topics.Find(std::string(topic));
  if (found == nullptr || partition < 0 || size_t(partition) >= found->partitions.size()) return nullptr;
  return found->partitions[size_t(partition)];
}

Result<std::shared_ptr<const Topic>> FindOrCreateTopic(BrokerContext& context, const std::string& name,
                                                       bool allow_creation) {
  if (auto found = context.topics.Find(name); found != nullptr) return found;
  if (!allow_creation || !context.options.auto_create_topics)
    return Error(ErrorCode::kNotFound, "no topic '" + name + "'");
  auto created = context.topics.Create({.name = name, .partitions = context.options.default_partitions, .config = {}});
  if (created.ok()) {
    context.logger.Info("broker", "created a topic that a client asked for", {{"topic", name}});
    return created;
  }
  if (created.Is(ErrorCode::kAlreadyExists)) {
    if (auto found = context.topics.Find(name); found != nullptr) return found;
  }
  return created;
}

Uuid TopicIdBytes(std::string_view text) {
  Uuid id{};
  size_t digits = 0;
  for (char c : text) {
    if (c == '-') continue;
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (digit < 0 || digits >= 32) return Uuid{};
    id[digits / 2] = char(uint8_t(uint8_t(id[digits / 2]) << 4 | digit));
    ++digits;
  }
  return digits == 32 ? id : Uuid{};
}

namespace {

constexpr Micros kGroupTickPeriod = 50'000;
constexpr Micros kRetentionPeriod = 30'000'000;
constexpr Micros kMetricsPeriod = 5'000'000;
// How long a stopping broker waits for answers to leave: a produce whose fsync is under way needs far less.
constexpr Micros kDrainMax = 10'000'000;
constexpr Micros kComplaintPeriod = 1'000'000;

// Work on a loop's timer that has ended when Stop returns.
class PeriodicWork {
 public:
  ~PeriodicWork() { Stop(); }
  void Start(net::EventLoop& loop, Micros period, std::function<void()> work) {
    timer_ = loop.RunEvery(period, [state = state_, work = std::move(work)] {
      std::lock_guard lock(state->mutex);
      if (!state->stopped) work();
    });
  }
  void Stop() {
    std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    timer_.reset();
  }

 private:
  struct State {
    std::mutex mutex;
    bool stopped = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::unique_ptr<net::EventLoop::Timer> timer_;
};

// The cluster's id, made at the first start.
Result<std::string> LoadClusterId(FileSystem& file_system, const std::string& path, Random& random) {
  auto content = ReadFile(file_system, path, 128);
  if (content.Is(ErrorCode::kNotFound)) {
    const std::string id = MakeUuid(random);
    TARN_TRY(WriteFileDurably(file_system, path, id + "\n"));
    return id;
  }
  if (!content.ok()) return std::move(content).error();
  std::string id = std::move(content).value();
  while (!id.empty() && id.back() == '\n') id.pop_back();
  if (id.empty()) return Error(ErrorCode::kCorruption, "expected the cluster's id in " + path);
  return id;
}

std::string AdvertisedHost(const BrokerOptions& options) {
  if (!options.advertised_host.empty()) return options.advertised_host;
  const bool any = options.address == "0.0.0.0" || options.address == "::";
  return any ? "localhost" : options.address;
}

class BrokerImpl final : public Broker {
 public:
  BrokerImpl(BrokerOptions options, BrokerDependencies dependencies, std::unique_ptr<Topics> topics)
      : options_(std::move(options)),
        d_(std::move(dependencies)),
        topics_(std::move(topics)),
        host_(AdvertisedHost(options_)) {}
  ~BrokerImpl() override { Stop(); }

  Status Open() {
    const std::string& folder = options_.directory;
    TARN_ASSIGN_OR_RETURN(cluster_id_, LoadClusterId(d_.file_system, folder + "/cluster-id", d_.random));
    TARN_ASSIGN_OR_RETURN(offsets_, OffsetStore::Open(d_.file_system, d_.logger, folder + "/consumer-offsets"));
    TARN_ASSIGN_OR_RETURN(producer_ids_, ProducerIds::Open(d_.file_system, folder + "/producer-ids"));
    groups_ = std::make_unique<GroupCoordinator>(d_.clock, d_.random.Fork(), *offsets_,
                                                 options_.group_initial_rebalance_delay);
    metrics_ = std::make_unique<BrokerMetrics>(d_.metrics);
    context_.emplace(BrokerContext{options_, *topics_, *groups_, *producer_ids_, waiting_, d_.clock, d_.logger, d_.loop,
                                   cluster_id_, host_, port_, stopping_});
    net::FrameServerOptions server;
    server.address = options_.address;
    server.port = options_.port;
    server.frame_bytes_max = options_.frame_bytes_max;
    server.in_flight_bytes_max = options_.in_flight_bytes_max;
    server.connections_max = options_.connections_max;
    TARN_ASSIGN_OR_RETURN(server_, net::FrameServer::Start(
                                       server, [this](std::shared_ptr<net::FrameCall> call) { Serve(std::move(call)); },
                                       d_.loop, d_.clock, d_.logger));
    port_ = server_->port();
    group_tick_.Start(d_.loop, kGroupTickPeriod, [this] { groups_->Tick(); });
    retention_.Start(d_.loop, kRetentionPeriod, [this] { topics_->ApplyRetention(); });
    refresh_.Start(d_.loop, kMetricsPeriod, [this] { metrics_->Refresh(*topics_, *groups_, *server_); });
    d_.logger.Info("broker", "listening",
                   {{"address", options_.address}, {"port", port_}, {"topics", topics_->List().size()}});
    return Ok();
  }

  uint16_t port() const override { return port_; }
  std::string cluster_id() const override { return cluster_id_; }
  Topics& topics() override { return *topics_; }
  std::string Problem() const override {
    if (std::string problem = offsets_->Problem(); !problem.empty()) return problem;
    for (const auto& topic : topics_->List()) {
      for (const auto& log : topic->partitions) {
        if (std::string problem = log->Problem(); !problem.empty()) return problem;
      }
    }
    return "";
  }

  void Stop() override {
    std::lock_guard lock(stop_mutex_);
    if (stopping_.exchange(true)) return;
    if (server_) server_->StopReading();
    waiting_->GiveUpAll();
    if (groups_) groups_->Stop();
    if (server_) server_->Stop(kDrainMax);
    group_tick_.Stop();
    retention_.Stop();
    refresh_.Stop();
    if (Status status = topics_->Close(); !status.ok()) {
      d_.logger.Error("broker", "closing the logs", {{"error", status.error().ToString()}});
    }
  }

 private:
  void Serve(std::shared_ptr<net::FrameCall> call) {
    // The port is known to handlers only once Start has it; frames that are faster than that wait a moment for nothing
    // worse.
    const std::string peer = call->peer_address();
    metrics_->CountRequest(call->frame());
    const Status status = ServeFrame(*context_, std::move(call));
    if (!status.ok()) Complain(peer, status.error());
  }

  // A client that talks nonsense must not fill the log.
  void Complain(const std::string& peer, const Error& error) {
    metrics_->CountRefused();
    const Micros now = d_.clock.Steady();
    Micros last = last_complaint_.load();
    if (last != 0 && now - last < kComplaintPeriod) return;
    if (!last_complaint_.compare_exchange_strong(last, std::max<Micros>(now, 1))) return;
    d_.logger.Warn("broker", "closed a connection that sent what cannot be answered",
                   {{"peer", peer}, {"error", error.ToString()}});
  }

  const BrokerOptions options_;
  BrokerDependencies d_;
  const std::unique_ptr<Topics> topics_;
  const std::string host_;
  uint16_t port_ = 0;
  std::string cluster_id_;
  std::atomic<bool> stopping_{false};
  std::mutex stop_mutex_;
  std::atomic<Micros> last_complaint_{0};
  const std::shared_ptr<WaitingRequests> waiting_ = std::make_shared<WaitingRequests>();
  std::unique_ptr<OffsetStore> offsets_;
  std::unique_ptr<ProducerIds> producer_ids_;
  std::unique_ptr<GroupCoordinator> groups_;
  std::unique_ptr<BrokerMetrics> metrics_;
  std::optional<BrokerContext> context_;
  std::unique_ptr<net::FrameServer> server_;
  PeriodicWork group_tick_, retention_, refresh_;
};

}  // namespace

Result<std::unique_ptr<Broker>> StartBrokerOn(std::unique_ptr<Topics> topics, BrokerOptions options,
                                              BrokerDependencies dependencies) {
  auto broker = std::make_unique<BrokerImpl>(std::move(options), std::move(dependencies), std::move(topics));
  TARN_TRY(broker->Open());
  return std::unique_ptr<Broker>(std::move(broker));
}

}  // namespace tarn::broker
