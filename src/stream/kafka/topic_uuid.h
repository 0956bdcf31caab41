#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

// The UUID of a topic's incarnation, which librdkafka 2.0 does not tell: one Metadata request of our own.

namespace tarn::stream::kafka {

// Asks the servers of `bootstrap` ("host:port,…", without TLS or SASL) in order; the first answer counts. 32 hex
// digits; nothing where the brokers are too old to have such ids (Metadata below version 10, Kafka before 2.8).
// Blocks for at most about `timeout` a server. kUnavailable: none answered; kNotFound: no such topic.
Result<std::optional<std::string>> AskTopicUuid(const std::string& bootstrap, std::string_view topic, Micros timeout);

// Of the body of a Metadata answer, version 10, to a question for one topic. kCorruption; kNotFound; kUnavailable: no
// answer for now.
Result<std::string> TopicUuidOf(std::string_view metadata_answer, std::string_view topic);

}  // namespace tarn::stream::kafka
