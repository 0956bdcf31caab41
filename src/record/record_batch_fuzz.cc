#include "record/record_batch.h"

// Any bytes as a batch: the header is made to fit and the CRC right, so that the decoders behind them are reached.

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::record;
  std::string batch(reinterpret_cast<const char*>(data), size);
  if (size < kBatchHeaderSize) return (void)ParseBatchHeader(batch).ok(), 0;
  const auto length = uint32_t(size - kBatchPrefixSize);
  for (int i = 0; i < 4; ++i) batch[size_t(8 + i)] = char(length >> (24 - 8 * i));
  batch[16] = 2;
  StampLogAppendTime(batch.data(), batch.size(), 1);
  const auto header = ParseBatchHeader(batch);
  if (!header.ok() || !CheckBatch(batch, *header).ok()) return 0;
  std::string inflated;
  std::vector<Record> records;
  if (!DecodeBatch(batch, *header, 1 << 20, 64, inflated, records).ok()) return 0;
  size_t sum = 0;
  for (const Record& record : records) {
    for (const char c : record.value.value_or("")) sum += uint8_t(c);
    const auto headers = DecodeHeaders(record.headers);
    if (headers.ok())
      for (const auto& [name, value] : *headers) sum += name.size() + value.value_or("").size();
  }
  volatile size_t sink = sum;
  (void)sink;
  return 0;
}
