#include <algorithm>
#include <limits>

#include "broker/log/producer_state_internal.h"
#include "record/byte_order.h"

namespace tarn::broker {
namespace {

constexpr std::string_view kMagic = "TARNPRD1";
constexpr size_t kBatchesMax = 5;

// Sequences run from 0 to 2^31 - 1 and start again.
int32_t SequenceAfter(int32_t sequence, int32_t by) {
  return int32_t((uint32_t(sequence) + uint32_t(by)) & uint32_t(std::numeric_limits<int32_t>::max()));
}

template <typename T>
void Put(std::string& out, T value) {
  char bytes[sizeof(T)];
  record::StoreBigEndian(bytes, value);
  out.append(bytes, sizeof bytes);
}

// Reads fixed-size numbers; zeros, and `failed`, once the bytes are used up.
struct Reader {
  std::string_view rest;
  bool failed = false;

  template <typename T>
  T Get() {
    if (rest.size() < sizeof(T)) {
      failed = true;
      return T(0);
    }
    const T value = record::LoadBigEndian<T>(rest.data());
    rest.remove_prefix(sizeof(T));
    return value;
  }
};

Error Corrupt(std::string_view what) {
  return Error(ErrorCode::kCorruption, "producer snapshot: " + std::string(what));
}

}  // namespace

Result<std::optional<Offset>> ProducerState::Check(const record::BatchHeader& header) const {
  const auto found = producers_.find(header.producer_id);
  if (found == producers_.end()) return std::optional<Offset>();
  const Producer& producer = found->second;
  const std::string who = "producer " + std::to_string(header.producer_id);
  if (header.producer_epoch < producer.epoch)
    return Error(ErrorCode::kFenced, who + ": epoch " + std::to_string(header.producer_epoch) + " is older than " +
                                         std::to_string(producer.epoch));
  if (header.producer_epoch > producer.epoch) {
    if (header.base_sequence == 0) return std::optional<Offset>();
    return Error(ErrorCode::kOutOfRange,
                 who + ": a new epoch starts at sequence 0, not " + std::to_string(header.base_sequence));
  }
  const int32_t last_sequence = SequenceAfter(header.base_sequence, header.last_offset_delta);
  for (size_t i = 0; i < producer.count; ++i)
    if (producer.batches[i].base_sequence == header.base_sequence && producer.batches[i].last_sequence == last_sequence)
      return std::optional(producer.batches[i].base_offset);
  const int32_t expected = SequenceAfter(producer.batches[producer.count - 1].last_sequence, 1);
  if (header.base_sequence == expected) return std::optional<Offset>();
  return Error(ErrorCode::kOutOfRange, who + ": expected sequence " + std::to_string(expected) + ", not " +
                                           std::to_string(header.base_sequence));
}

void ProducerState::Apply(const record::BatchHeader& header, int64_t now_ms) {
  const auto [found, is_new] = producers_.try_emplace(header.producer_id);
  Producer& producer = found->second;
  undo_.emplace_back(header.producer_id, is_new ? std::nullopt : std::optional(producer));
  if (is_new || producer.epoch != header.producer_epoch) producer = {.epoch = header.producer_epoch};
  if (producer.count == kBatchesMax)
    std::move(producer.batches + 1, producer.batches + kBatchesMax, producer.batches);
  else
    ++producer.count;
  producer.batches[producer.count - 1] = {
      header.base_sequence, SequenceAfter(header.base_sequence, header.last_offset_delta), header.base_offset};
  producer.last_ms = now_ms;
}

void ProducerState::Undo(size_t mark) {
  for (; undo_.size() > mark; undo_.pop_back()) {
    auto& [id, producer] = undo_.back();
    if (producer.has_value())
      producers_[id] = *producer;
    else
      producers_.erase(id);
  }
}

void ProducerState::Expire(int64_t now_ms) {
  std::erase_if(producers_, [&](const auto& item) { return now_ms - item.second.last_ms > kExpirationMs; });
}

std::string ProducerState::Encode(Offset offset) const {
  std::string out(kMagic);
  Put(out, offset);
  Put(out, uint32_t(producers_.size()));
  for (const auto& [id, producer] : producers_) {
    Put(out, id);
    Put(out, producer.epoch);
    Put(out, producer.last_ms);
    Put(out, producer.count);
    for (size_t i = 0; i < producer.count; ++i) {
      Put(out, producer.batches[i].base_sequence);
      Put(out, producer.batches[i].last_sequence);
      Put(out, producer.batches[i].base_offset);
    }
  }
  Put(out, record::Crc32c(out));
  return out;
}

Result<ProducerState> ProducerState::Decode(std::string_view file, Offset offset) {
  if (file.size() < 24 || !file.starts_with(kMagic)) return Corrupt("expected TARNPRD1 and 24 bytes at least");
  const std::string_view covered = file.substr(0, file.size() - 4);
  if (record::LoadBigEndian<uint32_t>(file.data() + covered.size()) != record::Crc32c(covered))
    return Corrupt("the CRC is wrong");
  Reader reader{covered.substr(kMagic.size())};
  if (reader.Get<int64_t>() != offset) return Corrupt("expected offset " + std::to_string(offset));
  ProducerState state;
  const auto count = reader.Get<uint32_t>();
  for (uint32_t i = 0; i < count && !reader.failed; ++i) {
    const auto id = reader.Get<int64_t>();
    Producer producer{.epoch = reader.Get<int16_t>(), .last_ms = reader.Get<int64_t>(), .count = reader.Get<uint8_t>()};
    if (producer.count == 0 || producer.count > kBatchesMax)
      return Corrupt("expected one to five batches of a producer");
    for (size_t j = 0; j < producer.count; ++j) {
      const auto base_sequence = reader.Get<int32_t>();
      const auto last_sequence = reader.Get<int32_t>();
      producer.batches[j] = {base_sequence, last_sequence, reader.Get<int64_t>()};
    }
    state.producers_[id] = producer;
  }
  if (reader.failed || !reader.rest.empty())
    return Corrupt("expected " + std::to_string(count) + " producers and no more");
  return state;
}

}  // namespace tarn::broker
