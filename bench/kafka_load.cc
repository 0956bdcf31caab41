// A load client on librdkafka, the same for Tarn and for Apache Kafka: produces the lines of a file with acks=all, or consumes a
// topic from its beginning, and prints one JSON line with the rate.
//
//   kafka_load produce HOST:PORT TOPIC FILE RECORDS CODEC
//   kafka_load consume HOST:PORT TOPIC RECORDS
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double Since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

rd_kafka_t* MakeClient(rd_kafka_type_t type, const std::vector<std::pair<std::string, std::string>>& properties) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : properties)
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) {
      std::fprintf(stderr, "%s\n", error);
      std::exit(1);
    }
  if (type == RD_KAFKA_PRODUCER)
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void*) {
      if (message->err) {
        std::fprintf(stderr, "not delivered: %s\n", rd_kafka_err2str(message->err));
        std::exit(1);
      }
    });
  rd_kafka_t* client = rd_kafka_new(type, conf, error, sizeof error);
  if (client == nullptr) {
    std::fprintf(stderr, "%s\n", error);
    std::exit(1);
  }
  return client;
}

void Report(const char* what, long records, double seconds) {
  std::printf("{\"what\": \"%s\", \"records\": %ld, \"seconds\": %.3f, \"records_per_second\": %.0f}\n", what, records, seconds,
              double(records) / seconds);
}

int Produce(const std::string& bootstrap, const char* topic, const char* file, long records, const std::string& codec) {
  std::vector<std::string> lines;
  std::ifstream in(file);
  for (std::string line; lines.size() < 150'000 && std::getline(in, line);) lines.push_back(line);
  if (lines.empty()) return std::fprintf(stderr, "%s holds no lines\n", file), 1;
  rd_kafka_t* client = MakeClient(RD_KAFKA_PRODUCER, {{"bootstrap.servers", bootstrap}, {"acks", "all"}, {"enable.idempotence", "true"},
                                                      {"linger.ms", "5"}, {"batch.size", "262144"}, {"compression.codec", codec},
                                                      {"queue.buffering.max.messages", "500000"}, {"queue.buffering.max.kbytes", "262144"}});
  const auto begin = Clock::now();
  for (long i = 0; i < records; ++i) {
    const std::string& line = lines[size_t(i) % lines.size()];
    while (rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_VALUE(const_cast<char*>(line.data()), line.size()), RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
      rd_kafka_poll(client, 5);
    if (i % 4096 == 0) rd_kafka_poll(client, 0);
  }
  if (rd_kafka_flush(client, 120'000) != RD_KAFKA_RESP_ERR_NO_ERROR) return std::fprintf(stderr, "not all was delivered\n"), 1;
  Report("produce", records, Since(begin));
  rd_kafka_destroy(client);
  return 0;
}

int Consume(const std::string& bootstrap, const char* topic, long records) {
  rd_kafka_t* client = MakeClient(RD_KAFKA_CONSUMER, {{"bootstrap.servers", bootstrap}, {"group.id", "kafka-load"}, {"auto.offset.reset", "earliest"},
                                                      {"enable.auto.commit", "false"}, {"queued.min.messages", "1000000"},
                                                      {"fetch.message.max.bytes", "4194304"}});
  rd_kafka_poll_set_consumer(client);
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic, nullptr);
  if (rd_kafka_metadata(client, 0, handle, &metadata, 10'000) != RD_KAFKA_RESP_ERR_NO_ERROR) return std::fprintf(stderr, "no metadata\n"), 1;
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(8);
  for (int i = 0; i < metadata->topics[0].partition_cnt; ++i)
    rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  const auto begin = Clock::now();
  rd_kafka_assign(client, list);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(client);
  std::vector<rd_kafka_message_t*> messages(10'000);
  long seen = 0;
  while (seen < records) {
    const ssize_t count = rd_kafka_consume_batch_queue(queue, 1000, messages.data(), messages.size());
    if (count < 0 || Since(begin) > 120) return std::fprintf(stderr, "consumed %ld of %ld\n", seen, records), 1;
    for (ssize_t i = 0; i < count; ++i) {
      if (!messages[size_t(i)]->err) ++seen;
      rd_kafka_message_destroy(messages[size_t(i)]);
    }
  }
  Report("consume", seen, Since(begin));
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(client);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(handle);
  rd_kafka_destroy(client);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 7 && std::strcmp(argv[1], "produce") == 0) return Produce(argv[2], argv[3], argv[4], std::atol(argv[5]), argv[6]);
  if (argc == 5 && std::strcmp(argv[1], "consume") == 0) return Consume(argv[2], argv[3], std::atol(argv[4]));
  std::fprintf(stderr, "usage: kafka_load produce HOST:PORT TOPIC FILE RECORDS CODEC | consume HOST:PORT TOPIC RECORDS\n");
  return 2;
}
