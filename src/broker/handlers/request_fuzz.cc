#include <cstdlib>
#include <string>

#include "broker/broker_internal.h"
#include "broker/handlers/api_internal.h"
#include "broker/testing/memory_topics.h"

// Any frame that a client could send, through header, decoder and handler.

namespace tarn::broker {
namespace {

class Call final : public net::FrameCall {
 public:
  explicit Call(std::string frame) : frame_(std::move(frame)) {}
  const std::string& frame() const override { return frame_; }
  const std::string& peer_address() const override { return peer_; }
  void Reply(std::vector<std::string>) override {}
  void ReplyNothing() override {}
  void Close() override {}

 private:
  const std::string frame_;
  const std::string peer_ = "127.0.0.1";
};

struct World {
  World() {
    char folder[] = "/tmp/tarn-request-fuzz-XXXXXX";
    options.directory = mkdtemp(folder);
    offsets = OffsetStore::Open(PosixFileSystem(), NullLogger(), options.directory + "/consumer-offsets").value();
    producer_ids = ProducerIds::Open(PosixFileSystem(), options.directory + "/producer-ids").value();
    groups = std::make_unique<GroupCoordinator>(clock, Random(2), *offsets, 0);
    (void)topics->Create({.name = "t", .partitions = 2, .config = {}});
    context.emplace(BrokerContext{options, *topics, *groups, *producer_ids, std::make_shared<WaitingRequests>(), clock,
                                  NullLogger(), loop, cluster_id, host, port, stopping});
  }
  BrokerOptions options;
  FakeClock clock;
  net::EventLoop loop{1};
  std::unique_ptr<Topics> topics = MakeMemoryTopics(Random(1));
  std::unique_ptr<OffsetStore> offsets;
  std::unique_ptr<ProducerIds> producer_ids;
  std::unique_ptr<GroupCoordinator> groups;
  std::string cluster_id = "fuzz", host = "127.0.0.1";
  uint16_t port = 9092;
  std::atomic<bool> stopping{false};
  std::optional<BrokerContext> context;
};

}  // namespace
}  // namespace tarn::broker

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::broker;
  static World world;
  constexpr uint8_t kFetch = 1;
  world.stopping = size > 1 && data[0] == 0 && data[1] == kFetch;  // a stopping broker lets no fetch wait
  (void)ServeFrame(*world.context, std::make_shared<Call>(std::string(reinterpret_cast<const char*>(data), size)));
  world.clock.Advance(1'000'000);
  world.groups->Tick();
  return 0;
}
