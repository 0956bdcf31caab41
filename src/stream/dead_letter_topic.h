#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "stream/source.h"

// The topic that a stream writes what it can not store to. The dead-letter table is what counts; the topic is written
// after it and made equal to it by reading its tail back.

namespace tarn::stream {

namespace kafka {
class KafkaProducer;
}

struct DeadLetter {
  std::string reason;  // not_decodable, missing_field, bad_value, too_late, in_future
  std::string detail;
  std::string topic;
  int32_t partition = 0;
  int64_t offset = 0;
  Micros failed_at = 0;
  std::optional<std::string> key;
  std::string payload;  // the raw value
};

// Whose letter it is: topic, partition, offset of the record.
using LetterOrigin = std::tuple<std::string, int32_t, int64_t>;

// Thread-compatible.
class DeadLetterTopic {
 public:
  virtual ~DeadLetterTopic() = default;
  // One past the topic's last record; letters are written to partition 0 only, so that there is one order.
  virtual Result<int64_t> End() = 0;
  // Origins of the letters at and after `offset`, or of all when the topic does not reach that far.
  virtual Result<std::set<LetterOrigin>> OriginsFrom(int64_t offset) = 0;
  // Appends them in order and returns when all are durable. After a failure any prefix may be there, now or a little
  // later: read it back.
  virtual Status Publish(const std::vector<DeadLetter>& letters) = 0;
};

// A topic nobody reads: letters are in the table alone.
std::unique_ptr<DeadLetterTopic> MakeNoDeadLetterTopic();

// In this process's own log. `append` appends one record batch to partition 0 and returns when it is durable; `source`
// reads the topic back and is used by nobody else. Both outlive it.
using AppendBatch = std::function<Status(std::string batch)>;
std::unique_ptr<DeadLetterTopic> MakeLogDeadLetterTopic(Source& source, AppendBatch append);

// In any Kafka. Both outlive it.
std::unique_ptr<DeadLetterTopic> MakeKafkaDeadLetterTopic(Source& source, kafka::KafkaProducer& producer,
                                                          std::string topic);

// A letter as the topic carries it: JSON with the fields of the table, the payload in base64. So that it fits a record
// of a megabyte, a payload of more than 600 kB is cut, and `payload_size` tells how long it was; a long detail or key
// is cut, too.
std::string EncodeDeadLetter(const DeadLetter& letter);
// kCorruption: not a letter of ours.
Result<LetterOrigin> DecodeLetterOrigin(std::string_view value);

}  // namespace tarn::stream
