#include "broker/kafka_errors.h"

#include "broker/protocol/errors.h"

namespace tarn::broker {

int16_t ToKafkaError(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kConflict:
      return kafka_error::kRequestTimedOut;
    case ErrorCode::kOutcomeUnknown:
      return kafka_error::kRequestTimedOut;
    case ErrorCode::kUnavailable:
      return kafka_error::kNotLeaderOrFollower;
    case ErrorCode::kNotFound:
      return kafka_error::kUnknownTopicOrPartition;
    case ErrorCode::kAlreadyExists:
      return kafka_error::kTopicAlreadyExists;
    case ErrorCode::kInvalidArgument:
      return kafka_error::kInvalidRequest;
    case ErrorCode::kCorruption:
      return kafka_error::kStorageError;
    case ErrorCode::kFenced:
      return kafka_error::kInvalidProducerEpoch;
    case ErrorCode::kCancelled:
      return kafka_error::kRequestTimedOut;
    case ErrorCode::kUnsupported:
      return kafka_error::kInvalidRequest;
    case ErrorCode::kOutOfRange:
      return kafka_error::kOffsetOutOfRange;
    case ErrorCode::kResourceExhausted:
      return kafka_error::kStorageError;
    case ErrorCode::kPermissionDenied:
      return kafka_error::kUnknownServerError;
    case ErrorCode::kFailedPrecondition:
      return kafka_error::kInvalidRequest;
    case ErrorCode::kTimedOut:
      return kafka_error::kRequestTimedOut;
    case ErrorCode::kIoError:
      return kafka_error::kStorageError;
    case ErrorCode::kInternal:
      return kafka_error::kUnknownServerError;
  }
  return kafka_error::kUnknownServerError;
}

int16_t ToProduceError(const Error& error) {
  if (error.code() == ErrorCode::kCorruption) return kafka_error::kCorruptMessage;  // on its way here: sent again
  if (error.code() == ErrorCode::kInvalidArgument) return kafka_error::kInvalidRecord;
  if (error.code() == ErrorCode::kUnsupported) return kafka_error::kInvalidRecord;
  if (error.code() == ErrorCode::kOutOfRange) return kafka_error::kOutOfOrderSequenceNumber;
  return ToKafkaError(error);
}

}  // namespace tarn::broker
