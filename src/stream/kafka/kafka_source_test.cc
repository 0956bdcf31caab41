#include "stream/kafka/kafka_source.h"

#include "stream/kafka/kafka_producer.h"
#include "stream/kafka/rdkafka_internal.h"
#include "stream/source_contract.h"

// After rdkafka.h.
#include <librdkafka/rdkafka_mock.h>

// librdkafka's own broker, in this process, behind real sockets.

namespace tarn::stream::kafka {
namespace {

using RdMockCluster = std::unique_ptr<rd_kafka_mock_cluster_t, RdDeleter<rd_kafka_mock_cluster_destroy>>;
constexpr char kTopic[] = "events";

struct KafkaWorld final : SourceWorld {
  RdKafka handle;
  RdMockCluster cluster;
  std::map<std::string, std::unique_ptr<KafkaProducer>> producers;  // by codec
  std::unique_ptr<Source> reader;

  KafkaWorld() {
    auto made = MakeClient(RD_KAFKA_PRODUCER, std::move(MakeConf({{"client.id", "mock"}}).value()));
    TARN_CHECK(made.ok());
    handle = std::move(*made);
    cluster.reset(rd_kafka_mock_cluster_new(handle.get(), 1));
    TARN_CHECK(cluster);
    TARN_CHECK(rd_kafka_mock_topic_create(cluster.get(), kTopic, 3, 1) == 0);
    auto source = MakeKafkaSource(
        {.bootstrap = rd_kafka_mock_cluster_bootstraps(cluster.get()), .topic = kTopic, .request_timeout = 2'000'000});
    TARN_CHECK(source.ok());
    reader = std::move(*source);
  }

  Source& source() override { return *reader; }

  void Produce(int32_t partition, const std::vector<ProducedRecord>& records, const std::string& codec) override {
    auto& producer = producers[codec];
    if (!producer) {
      auto made = KafkaProducer::Make(
          {.bootstrap = rd_kafka_mock_cluster_bootstraps(cluster.get()), .compression = codec, .linger = 20'000});
      TARN_CHECK(made.ok());
      producer = std::move(*made);
    }
    for (const auto& record : records) {
      KafkaRecord to_send{.topic = kTopic, .partition = partition, .key = {}, .value = {}, .headers = {}};
      if (record.key) to_send.key = *record.key;
      if (record.value) to_send.value = *record.value;
      to_send.timestamp_ms = record.timestamp_ms;
      TARN_CHECK(producer->Produce(to_send).ok());
    }
    const Status flushed = producer->Flush(30'000'000);
    ASSERT_TRUE(flushed.ok()) << flushed.error().ToString();
  }

  // The mock broker keeps five megabytes of a partition.
  void LoseTheBeginning(int32_t partition) override {
    const std::string value(900'000, 'x');
    for (int i = 0; i < 8; ++i) Produce(partition, {{.key = {}, .value = value}}, "none");
  }

  void GoAway() override { rd_kafka_mock_broker_set_down(cluster.get(), 1); }
  void ComeBack() override { rd_kafka_mock_broker_set_up(cluster.get(), 1); }
};

std::unique_ptr<SourceWorld> MakeKafkaWorld() {
  return std::make_unique<KafkaWorld>();
}

INSTANTIATE_TEST_SUITE_P(Kafka, SourceContract, ::testing::Values(&MakeKafkaWorld));

// A broker that came back and takes longer to answer than a poll may wait is not away.
TEST(KafkaSource, ASlowBrokerIsNotALostOne) {
  KafkaWorld world;
  world.Produce(0, {{.key = {}, .value = "one"}}, "none");
  ASSERT_TRUE(world.source().Seek(0, 1).ok());
  world.GoAway();
  while (!world.source().Poll(1000, 50'000).Is(ErrorCode::kUnavailable)) {
  }
  world.ComeBack();
  rd_kafka_mock_broker_set_rtt(world.cluster.get(), 1, 150);
  while (!world.source().Seek(0, 1).ok()) {
  }
  for (int i = 0; i < 20; ++i) {
    const auto run = world.source().Poll(1000, 50'000);
    EXPECT_TRUE(run.ok()) << run.error().ToString();
  }
}

TEST(KafkaSource, ABadPropertyIsNamed) {
  const auto source =
      MakeKafkaSource({.bootstrap = "127.0.0.1:1", .topic = kTopic, .properties = {{"no.such.property", "1"}}});
  ASSERT_TRUE(source.Is(ErrorCode::kInvalidArgument));
  EXPECT_NE(source.error().message().find("no.such.property"), std::string::npos);
}

TEST(KafkaSource, OffsetsAreNeverReset) {
  EXPECT_TRUE(
      MakeKafkaSource({.bootstrap = "127.0.0.1:1", .topic = kTopic, .properties = {{"auto.offset.reset", "latest"}}})
          .Is(ErrorCode::kInvalidArgument));
}

TEST(KafkaSource, WithoutABrokerItIsUnavailable) {
  const auto source = MakeKafkaSource({.bootstrap = "127.0.0.1:1", .topic = kTopic, .request_timeout = 300'000});
  ASSERT_TRUE(source.ok());
  EXPECT_TRUE((*source)->Partitions().Is(ErrorCode::kUnavailable));
  EXPECT_TRUE((*source)->TopicId().Is(ErrorCode::kUnavailable));
  EXPECT_TRUE((*source)->Seek(0, 0).Is(ErrorCode::kUnavailable));
}

}  // namespace
}  // namespace tarn::stream::kafka
