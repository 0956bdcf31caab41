#pragma once

#include <cstdint>

#include "base/result.h"

namespace tarn::broker {

// What a Kafka client gets to hear of an error of ours, by what it makes the client do: give up, retry or refresh.
int16_t ToKafkaError(const Error& error);
// The same for a failed append, where the code decides whether the producer sends the batch again.
int16_t ToProduceError(const Error& error);

}  // namespace tarn::broker
