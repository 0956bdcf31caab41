#include "stream/kafka/kafka_producer.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include "stream/kafka/rdkafka_internal.h"

namespace tarn::stream::kafka {

struct KafkaProducer::Shared {
  KafkaProducer* producer = nullptr;
  std::mutex mutex;
  Status first_error;  // since the last Flush
  std::atomic<bool> stop{false};
  std::thread poller;  // serves delivery reports
  RdKafka client;

  static void OnReport(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& shared = *static_cast<Shared*>(opaque);
    const std::unique_ptr<OnDelivery> done(static_cast<OnDelivery*>(message->_private));
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      shared.producer->delivered_.fetch_add(1, std::memory_order_relaxed);
      if (done) (*done)(DeliveredRecord{.partition = message->partition, .offset = message->offset});
      return;
    }
    shared.producer->failed_.fetch_add(1, std::memory_order_relaxed);
    const Error error = ToError(message->err, rd_kafka_message_errstr(message));
    {
      const std::lock_guard lock(shared.mutex);
      if (shared.first_error.ok()) shared.first_error = error;
    }
    if (done) (*done)(error);
  }

  // After a fatal error an idempotent producer can not go on without breaking its promise.
  Status FatalError() {
    char text[512];
    const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(client.get(), text, sizeof(text));
    return fatal == RD_KAFKA_RESP_ERR_NO_ERROR ? Ok() : Status(ToError(fatal, text));
  }
};

KafkaProducer::KafkaProducer() : shared_(std::make_unique<Shared>()) {
  shared_->producer = this;
}

KafkaProducer::~KafkaProducer() {
  if (!shared_->client) return;
  // Callbacks own memory: each record must be reported before the client goes.
  rd_kafka_purge(shared_->client.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  shared_->stop = true;
  shared_->poller.join();
  rd_kafka_flush(shared_->client.get(), 1000);
}

Result<std::unique_ptr<KafkaProducer>> KafkaProducer::Make(const KafkaProducerOptions& options) {
  std::vector<std::pair<std::string, std::string>> properties = {
      {"bootstrap.servers", options.bootstrap},
      {"client.id", options.client_id},
      {"enable.idempotence", "true"},
      {"acks", "all"},
      {"compression.codec", options.compression},
      {"linger.ms", std::to_string(options.linger / 1000)},
      {"batch.num.messages", "10000"},
      {"batch.size", "1000000"},
      {"queue.buffering.max.kbytes", std::to_string(std::max<uint64_t>(options.queue_bytes_max / 1024, 1))},
      {"queue.buffering.max.messages", "1000000"},
      {"message.timeout.ms", std::to_string(options.delivery_timeout / 1000)},
      {"reconnect.backoff.max.ms", "1000"},
  };
  for (const auto& [name, value] : options.properties) {
    if (name == "acks" || name == "request.required.acks" || name == "enable.idempotence")
      return Error(ErrorCode::kInvalidArgument, "Kafka client property " + name + " is fixed: all, idempotent");
    properties.emplace_back(name, value);
  }
  TARN_ASSIGN_OR_RETURN(RdConf conf, MakeConf(properties));
  std::unique_ptr<KafkaProducer> producer(new KafkaProducer());
  Shared* shared = producer->shared_.get();
  rd_kafka_conf_set_opaque(conf.get(), shared);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), &Shared::OnReport);
  TARN_ASSIGN_OR_RETURN(shared->client, MakeClient(RD_KAFKA_PRODUCER, std::move(conf)));
  shared->poller = std::thread([shared] {
    while (!shared->stop.load(std::memory_order_relaxed)) rd_kafka_poll(shared->client.get(), 50);
  });
  return producer;
}

Status KafkaProducer::Produce(const KafkaRecord& record, OnDelivery on_delivery) {
  rd_kafka_t* client = shared_->client.get();
  const std::string topic(record.topic);
  std::unique_ptr<OnDelivery> done = on_delivery ? std::make_unique<OnDelivery>(std::move(on_delivery)) : nullptr;
  while (true) {
    // producev takes the headers only on success, so a full queue needs them built again.
    rd_kafka_headers_t* headers = nullptr;
    if (!record.headers.empty()) {
      headers = rd_kafka_headers_new(record.headers.size());
      for (const auto& [name, value] : record.headers)
        rd_kafka_header_add(headers, name.data(), ssize_t(name.size()), value.data(), ssize_t(value.size()));
    }
    auto* value = record.value ? const_cast<char*>(record.value->data()) : nullptr;
    auto* key = record.key ? const_cast<char*>(record.key->data()) : nullptr;
    std::vector<rd_kafka_vu_t> arguments(7);
    size_t n = 0;
    arguments[n].vtype = RD_KAFKA_VTYPE_TOPIC, arguments[n++].u.cstr = topic.c_str();
    arguments[n].vtype = RD_KAFKA_VTYPE_PARTITION,
    arguments[n++].u.i32 = record.partition.value_or(RD_KAFKA_PARTITION_UA);
    arguments[n].vtype = RD_KAFKA_VTYPE_VALUE, arguments[n].u.mem.ptr = value;
    arguments[n++].u.mem.size = record.value ? record.value->size() : 0;
    arguments[n].vtype = RD_KAFKA_VTYPE_KEY, arguments[n].u.mem.ptr = key;
    arguments[n++].u.mem.size = record.key ? record.key->size() : 0;
    arguments[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP, arguments[n++].u.i64 = record.timestamp_ms;
    arguments[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS, arguments[n++].u.i = RD_KAFKA_MSG_F_COPY;
    arguments[n].vtype = RD_KAFKA_VTYPE_OPAQUE, arguments[n++].u.ptr = done.get();
    if (headers != nullptr) {
      arguments.resize(8);
      arguments[n].vtype = RD_KAFKA_VTYPE_HEADERS, arguments[n++].u.headers = headers;
    }
    rd_kafka_error_t* failure = rd_kafka_produceva(client, arguments.data(), n);
    if (failure == nullptr) {
      (void)done.release();  // freed by its delivery report
      return Ok();
    }
    const rd_kafka_resp_err_t code = rd_kafka_error_code(failure);
    const Error error = ToError(code, rd_kafka_error_string(failure));
    rd_kafka_error_destroy(failure);
    if (headers != nullptr) rd_kafka_headers_destroy(headers);
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      TARN_TRY(shared_->FatalError());
      return error;
    }
    // A full queue slows the caller: the poller makes room as acknowledgements arrive.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Status KafkaProducer::Flush(Micros timeout) {
  rd_kafka_flush(shared_->client.get(), int(timeout / 1000));
  if (const int waiting = rd_kafka_outq_len(shared_->client.get()); waiting > 0) {
    TARN_TRY(shared_->FatalError());
    return Error(ErrorCode::kTimedOut, "records still waiting for their acknowledgement: " + std::to_string(waiting));
  }
  const std::lock_guard lock(shared_->mutex);
  const Status first = shared_->first_error;
  shared_->first_error = Status();
  return first;
}

}  // namespace tarn::stream::kafka
