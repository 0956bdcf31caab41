#include "stream/kafka/rdkafka_internal.h"

namespace tarn::stream::kafka {

Error ToError(rd_kafka_resp_err_t code, const char* text) {
  ErrorCode ours = ErrorCode::kIoError;
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      ours = ErrorCode::kNotFound;
      break;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
      ours = ErrorCode::kAlreadyExists;
      break;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      ours = ErrorCode::kInvalidArgument;
      break;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      ours = ErrorCode::kOutOfRange;
      break;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      ours = ErrorCode::kResourceExhausted;
      break;
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR__FENCED:
      ours = ErrorCode::kFenced;
      break;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      ours = ErrorCode::kUnavailable;
      break;
    // The producer gave up waiting for the answer: the broker may have stored the record.
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
      ours = ErrorCode::kOutcomeUnknown;
      break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      ours = ErrorCode::kPermissionDenied;
      break;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
      ours = ErrorCode::kCorruption;
      break;
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
      ours = ErrorCode::kCancelled;
      break;
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
      ours = ErrorCode::kUnsupported;
      break;
    default:
      break;  // librdkafka has some two hundred codes; the rest are failures of disk or network to us
  }
  std::string message = rd_kafka_err2str(code);
  if (text != nullptr && *text != '\0' && message != text) message += std::string(" (") + text + ")";
  return Error(ours, std::move(message));
}

Result<RdConf> MakeConf(const std::vector<std::pair<std::string, std::string>>& properties) {
  RdConf conf(rd_kafka_conf_new());
  char problem[512];
  for (const auto& [name, value] : properties)
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), problem, sizeof(problem)) != RD_KAFKA_CONF_OK)
      return Error(ErrorCode::kInvalidArgument, "Kafka client property " + name + ": " + problem);
  return conf;
}

Result<RdKafka> MakeClient(rd_kafka_type_t type, RdConf conf) {
  // Its own log lines would reach stderr past our Logger; what matters comes back as errors.
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);
  char problem[512];
  RdKafka client(rd_kafka_new(type, conf.get(), problem, sizeof(problem)));
  if (!client) return Error(ErrorCode::kInvalidArgument, std::string("Kafka client: ") + problem);
  (void)conf.release();  // the client owns it now
  return client;
}

}  // namespace tarn::stream::kafka
