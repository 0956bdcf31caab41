#include "kafka_messages/fetch.h"

#include <algorithm>

#include "broker/handlers/apis_internal.h"

// Fetch reads at once and answers if there is enough. Otherwise the request waits: each partition's log wakes it at the
// next append, a timer ends it after max_wait_ms, and a stopping broker answers it at once. No sessions are kept: every
// answer says session 0, which tells clients to send whole requests (KIP-227), and a request of an incremental session
// hears that it is unknown.

namespace tarn::broker {

namespace {

using FetchExchange = Exchange<FetchRequest, FetchResponse>;

// fetch.max.bytes: of one answer, whatever the client allows, so that answers under way stay within bounds.
constexpr uint64_t kAnswerBytesMax = 16 << 20;

struct ReadOutcome {
  FetchResponse response;
  uint64_t bytes = 0;
  bool failed = false;
  // Where to wait for more: every partition that had no error, and its end as read.
  std::vector<std::pair<std::shared_ptr<PartitionLog>, Offset>> ends;
};

int16_t CheckLeaderEpoch(int32_t epoch) {
  if (epoch < 0 || epoch == kLeaderEpoch) return kafka_error::kNone;
  return epoch < kLeaderEpoch ? kafka_error::kFencedLeaderEpoch : kafka_error::kUnknownLeaderEpoch;
}

void ReadPartition(const BrokerContext& context, std::string_view topic, const FetchRequest::FetchPartition& asked,
                   uint64_t budget, ReadOutcome& outcome, FetchResponse::PartitionData& to) {
  to.partition_index = asked.partition;
  to.high_watermark = -1;
  to.records = "";
  to.aborted_transactions.reset();
  const auto fail = [&](int16_t error) {
    to.error_code = error;
    outcome.failed = true;
  };
  const auto log = FindPartition(context, topic, asked.partition);
  if (log == nullptr) return fail(kafka_error::kUnknownTopicOrPartition);
  if (const int16_t error = CheckLeaderEpoch(asked.current_leader_epoch); error != 0) return fail(error);
  if (budget == 0) {
    to.high_watermark = to.last_stable_offset = log->high_watermark();
    to.log_start_offset = log->log_start_offset();
    return;
  }
  auto read = log->Read(asked.fetch_offset, std::min(budget, uint64_t(std::max(asked.partition_max_bytes, 0))));
  if (!read.ok()) {
    if (!read.Is(ErrorCode::kOutOfRange)) {
      context.logger.Warn("broker", "cannot read a partition",
                          {{"topic", topic}, {"partition", asked.partition}, {"error", read.error().ToString()}});
    }
    to.high_watermark = log->high_watermark();
    to.log_start_offset = log->log_start_offset();
    return fail(ToKafkaError(read.error()));
  }
  to.high_watermark = read->high_watermark;
  to.last_stable_offset = read->last_stable_offset;
  to.log_start_offset = read->log_start_offset;
  outcome.bytes += read->bytes.size();
  outcome.ends.emplace_back(log, read->high_watermark);
  to.records = std::move(read->bytes);
}

ReadOutcome ReadAll(const BrokerContext& context, const FetchRequest& request) {
  ReadOutcome outcome;
  const uint64_t limit = std::min(uint64_t(std::max(request.max_bytes, 0)), kAnswerBytesMax);
  for (const auto& topic : request.topics) {
    auto& answered = outcome.response.responses.emplace_back();
    answered.topic = topic.topic;
    for (const auto& partition : topic.partitions) {
      // The first batch comes whole however small the limit is.
      const uint64_t budget =
          outcome.bytes == 0 ? std::max<uint64_t>(limit, 1) : limit - std::min(limit, outcome.bytes);
      ReadPartition(context, topic.topic, partition, budget, outcome, answered.partitions.emplace_back());
    }
  }
  return outcome;
}

// A request that waits. Kept alive by its timer, by the logs' wake-ups and by the broker's list of waiting requests.
class WaitingFetch : public std::enable_shared_from_this<WaitingFetch> {
 public:
  WaitingFetch(BrokerContext& context, std::shared_ptr<FetchExchange> exchange)
      : context_(context), waiting_(context.waiting), exchange_(std::move(exchange)) {}

  void Start(const ReadOutcome& outcome) {
    const uint64_t token = waiting_->Add([self = shared_from_this()] { self->Answer(std::nullopt); });
    auto timer = context_.loop.RunAfter(Micros(exchange_->request.max_wait_ms) * 1000, [self = shared_from_this()] {
      if (!self->waiting_->Enter()) return;
      self->Answer(std::nullopt);
      self->waiting_->Leave();
    });
    {
      std::lock_guard lock(mutex_);
      token_ = token;
      timer_ = std::move(timer);
      if (!done_) return Watch(outcome);
    }
    Release();
  }

 private:
  // From a log's thread: reads again on a loop's thread, once however many partitions call.
  void Wake() {
    if (woken_.exchange(true)) return;
    context_.loop.Post([self = shared_from_this()] { self->ReadAgain(); });
  }

  void ReadAgain() {
    if (!waiting_->Enter()) return;
    AnswerIfEnough();
    waiting_->Leave();
  }

  void AnswerIfEnough() {
    woken_.store(false);
    {
      std::lock_guard lock(mutex_);
      if (done_) return;
    }
    ReadOutcome outcome = ReadAll(context_, exchange_->request);
    if (outcome.failed || outcome.bytes >= uint64_t(std::max(exchange_->request.min_bytes, 0)))
      return Answer(std::move(outcome));
    std::lock_guard lock(mutex_);
    if (!done_) Watch(outcome);
  }

  // Requires: the mutex.
  void Watch(const ReadOutcome& outcome) {
    for (auto& [log, token] : watched_) log->CancelWait(token);
    watched_.clear();
    for (const auto& [log, end] : outcome.ends) {
      watched_.emplace_back(log, log->WaitForData(end, [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->Wake();
      }));
    }
  }

  void Answer(std::optional<ReadOutcome> outcome) {
    {
      std::lock_guard lock(mutex_);
      if (done_) return;
      done_ = true;
    }
    if (!outcome) outcome = ReadAll(context_, exchange_->request);
    exchange_->Reply(std::move(outcome->response));
    Release();
  }

  void Release() {
    std::vector<std::pair<std::shared_ptr<PartitionLog>, uint64_t>> watched;
    std::unique_ptr<net::EventLoop::Timer> timer;
    uint64_t token = 0;
    {
      std::lock_guard lock(mutex_);
      watched.swap(watched_);
      timer.swap(timer_);
      token = token_;
    }
    for (auto& [log, wait] : watched) log->CancelWait(wait);
    waiting_->Remove(token);
  }

  BrokerContext& context_;
  const std::shared_ptr<WaitingRequests> waiting_;
  const std::shared_ptr<FetchExchange> exchange_;
  std::atomic<bool> woken_{false};
  std::mutex mutex_;
  bool done_ = false;
  uint64_t token_ = 0;
  std::unique_ptr<net::EventLoop::Timer> timer_;
  std::vector<std::pair<std::shared_ptr<PartitionLog>, uint64_t>> watched_;
};

void Fetch(BrokerContext& context, std::shared_ptr<FetchExchange> exchange) {
  const FetchRequest& request = exchange->request;
  if (request.session_epoch > 0) {
    FetchResponse response;
    response.error_code = kafka_error::kFetchSessionIdNotFound;
    return exchange->Reply(std::move(response));
  }
  ReadOutcome outcome = ReadAll(context, request);
  const bool enough =
      outcome.failed || outcome.ends.empty() || outcome.bytes >= uint64_t(std::max(request.min_bytes, 0));
  if (enough || request.max_wait_ms <= 0 || context.stopping.load())
    return exchange->Reply(std::move(outcome.response));
  std::make_shared<WaitingFetch>(context, std::move(exchange))->Start(outcome);
}

}  // namespace

const Api kFetchApi = AnsweredLater<FetchRequest, FetchResponse>("Fetch", {4, 12}, &Fetch);

}  // namespace tarn::broker
