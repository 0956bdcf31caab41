#include "kafka_messages/produce.h"

#include "broker/handlers/apis_internal.h"
#include "broker/topic_config.h"
#include "record/record_batch.h"

namespace tarn::broker {

namespace {

using ProduceExchange = Exchange<ProduceRequest, ProduceResponse>;

// The answer in the making: each partition's log fills its own place, the last one sends it.
struct Pending {
  std::shared_ptr<ProduceExchange> exchange;
  ProduceResponse response;

  void Send() {
    if (exchange->request.acks != 0) return exchange->Reply(std::move(response));
    // Nobody listens for an answer: an error shows as a closed connection.
    bool failed = false;
    for (const auto& topic : response.responses) {
      for (const auto& partition : topic.partition_responses) failed |= partition.error_code != 0;
    }
    failed ? exchange->Close() : exchange->ReplyNothing();
  }
};

void Refuse(ProduceResponse::PartitionProduceResponse& to, int16_t code, std::string message) {
  to.error_code = code;
  to.base_offset = -1;
  to.error_message = std::move(message);
}

// The error that the whole request earns, or none.
int16_t CheckRequest(const BrokerContext& context, const ProduceRequest& request, int version, std::string& message) {
  if (version < 3) {
    // Versions 0 to 2 are advertised because old librdkafka compresses only if they are; their message formats are gone
    // (KIP-896).
    message = "message formats 0 and 1 are not supported";
    return kafka_error::kUnsupportedVersion;
  }
  if (request.acks != 0 && request.acks != 1 && request.acks != -1) {
    message = "acks must be 0, 1 or -1";
    return kafka_error::kInvalidRequiredAcks;
  }
  if (request.transactional_id) {
    message = "transactions are not supported";
    return kafka_error::kInvalidRequest;
  }
  if (context.stopping.load()) {
    message = "the broker is stopping";
    return kafka_error::kRequestTimedOut;
  }
  return kafka_error::kNone;
}

// kResourceExhausted is a batch above max.message.bytes, which the producer must split, or a full disk, which it waits
// for.
int16_t ToAppendError(const BrokerContext& context, std::string_view topic, std::string_view records,
                      const Error& error) {
  if (error.code() != ErrorCode::kResourceExhausted) return ToProduceError(error);
  const auto found = context.topics.Find(std::string(topic));
  const auto options = LogOptionsOf(found ? found->config : TopicConfig(), context.options.log_defaults);
  const uint64_t max =
      options.ok() ? options.value().max_message_bytes : context.options.log_defaults.max_message_bytes;
  while (!records.empty()) {
    const auto header = record::ParseBatchHeader(records);
    if (!header.ok() || header.value().total_size() > records.size()) break;
    if (header.value().total_size() > max) return kafka_error::kMessageTooLarge;
    records.remove_prefix(header.value().total_size());
  }
  return ToProduceError(error);
}

void AppendTo(BrokerContext& context, std::string_view topic, const ProduceRequest::PartitionProduceData& data,
              ProduceResponse::PartitionProduceResponse& to, std::function<void()> done) {
  const auto log = FindPartition(context, topic, data.index);
  if (log == nullptr) {
    Refuse(to, kafka_error::kUnknownTopicOrPartition, "no such topic or partition");
    return done();
  }
  if (!data.records || data.records->empty()) {
    Refuse(to, kafka_error::kInvalidRecord, "no record batch");
    return done();
  }
  log->Append(std::string(*data.records),
              [&context, topic, &data, &to, done = std::move(done)](Result<AppendOutcome> outcome) {
                if (outcome.ok()) {
                  to.base_offset = outcome->base_offset;
                  to.log_append_time_ms = outcome->log_append_time_ms;
                  to.log_start_offset = outcome->log_start_offset;
                } else {
                  Refuse(to, ToAppendError(context, topic, *data.records, outcome.error()), outcome.error().ToString());
                }
                done();
              });
}

void Produce(BrokerContext& context, std::shared_ptr<ProduceExchange> exchange) {
  const ProduceRequest& request = exchange->request;
  auto pending = std::make_shared<Pending>();
  pending->exchange = exchange;
  size_t partitions = 0;
  for (const auto& topic : request.topic_data) {
    auto& answered = pending->response.responses.emplace_back();
    answered.name = topic.name;
    answered.partition_responses.resize(topic.partition_data.size());
    partitions += topic.partition_data.size();
  }
  std::string message;
  const int16_t refused = CheckRequest(context, request, exchange->version(), message);
  // One part more for this function, so that the answer is complete before it can leave.
  auto countdown = std::make_shared<Countdown>(partitions + 1, [pending] { pending->Send(); });
  for (size_t t = 0; t < request.topic_data.size(); ++t) {
    const auto& topic = request.topic_data[t];
    for (size_t p = 0; p < topic.partition_data.size(); ++p) {
      auto& to = pending->response.responses[t].partition_responses[p];
      to.index = topic.partition_data[p].index;
      if (refused != kafka_error::kNone) {
        Refuse(to, refused, message);
        countdown->Done();
      } else {
        AppendTo(context, topic.name, topic.partition_data[p], to, [countdown] { countdown->Done(); });
      }
    }
  }
  countdown->Done();
}

}  // namespace

const Api kProduceApi = AnsweredLater<ProduceRequest, ProduceResponse>("Produce", {0, 9}, &Produce);

}  // namespace tarn::broker
