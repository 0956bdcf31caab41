#include <set>

#include "cli/event_log.h"
#include "stream/kafka/kafka_admin.h"
#include "stream/kafka/kafka_producer.h"
#include "stream/kafka/kafka_source.h"

namespace tarn::cli {
namespace {

class OwningKafkaDeadLetterTopic final : public stream::DeadLetterTopic {
 public:
  OwningKafkaDeadLetterTopic(std::unique_ptr<stream::Source> source,
                             std::unique_ptr<stream::kafka::KafkaProducer> producer, const std::string& topic)
      : source_(std::move(source)),
        producer_(std::move(producer)),
        topic_(stream::MakeKafkaDeadLetterTopic(*source_, *producer_, topic)) {}

  Result<int64_t> End() override { return topic_->End(); }
  Result<std::set<stream::LetterOrigin>> OriginsFrom(int64_t offset) override { return topic_->OriginsFrom(offset); }
  Status Publish(const std::vector<stream::DeadLetter>& letters) override { return topic_->Publish(letters); }

 private:
  const std::unique_ptr<stream::Source> source_;
  const std::unique_ptr<stream::kafka::KafkaProducer> producer_;
  const std::unique_ptr<stream::DeadLetterTopic> topic_;
};

class KafkaLog final : public EventLog {
 public:
  KafkaLog(std::string bootstrap, std::unique_ptr<stream::kafka::KafkaAdmin> admin)
      : bootstrap_(std::move(bootstrap)), admin_(std::move(admin)) {}

  bool embedded() const override { return false; }
  std::string address() const override { return bootstrap_; }

  Status EnsureTopics(const std::vector<TopicSpec>& topics) override {
    TARN_ASSIGN_OR_RETURN(const auto existing, admin_->ListTopics());
    std::set<std::string> names;
    for (const auto& topic : existing) names.insert(topic.name);
    for (const TopicSpec& topic : topics) {
      if (names.contains(topic.name)) continue;
      const Status created =
          admin_->CreateTopic({.name = topic.name, .partitions = topic.partitions, .config = topic.config});
      if (!created.ok() && !created.Is(ErrorCode::kAlreadyExists))
        return Error(created.error()).WithContext("creating topic " + topic.name);
    }
    return Ok();
  }

  Result<std::unique_ptr<stream::Source>> OpenSource(const std::string& topic) override {
    return stream::kafka::MakeKafkaSource({.bootstrap = bootstrap_, .topic = topic});
  }

  Result<std::unique_ptr<stream::DeadLetterTopic>> OpenDeadLetterTopic(const std::string& topic) override {
    TARN_ASSIGN_OR_RETURN(auto source, OpenSource(topic));
    TARN_ASSIGN_OR_RETURN(auto producer, stream::kafka::KafkaProducer::Make({.bootstrap = bootstrap_}));
    return std::unique_ptr<stream::DeadLetterTopic>(
        std::make_unique<OwningKafkaDeadLetterTopic>(std::move(source), std::move(producer), topic));
  }

  // The streams notice by themselves when it is gone, and say so.
  std::string Problem() override { return ""; }
  void Stop() override {}

 private:
  const std::string bootstrap_;
  const std::unique_ptr<stream::kafka::KafkaAdmin> admin_;
};

}  // namespace

Result<std::unique_ptr<EventLog>> ConnectKafka(const std::string& bootstrap) {
  TARN_ASSIGN_OR_RETURN(auto admin, stream::kafka::KafkaAdmin::Make(bootstrap, 3'000'000));
  return std::unique_ptr<EventLog>(std::make_unique<KafkaLog>(bootstrap, std::move(admin)));
}

}  // namespace tarn::cli
