#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include "broker/broker.h"
#include "broker/broker_internal.h"
#include "broker/testing/memory_topics.h"

// A broker and nothing else, for tests with foreign clients: tarn_broker_server DIRECTORY [PORT] [memory]. Prints its
// port and runs until SIGTERM or SIGINT. "memory": the topics are not stored.

int main(int argc, char** argv) {
  using namespace tarn;
  if (argc < 2) {
    std::cerr << "usage: tarn_broker_server DIRECTORY [PORT] [memory]\n";
    return 2;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  net::EventLoop loop(2);
  const auto metrics = MakeMetrics();
  const auto logger = MakeLogger({});
  broker::BrokerOptions options;
  options.directory = argv[1];
  options.port = uint16_t(argc > 2 ? std::atoi(argv[2]) : 0);
  broker::BrokerDependencies dependencies{PosixFileSystem(), SystemClock(), Random::FromEntropy(),
                                          *logger,           *metrics,      loop};
  const bool memory = argc > 3 && std::string(argv[3]) == "memory";
  auto broker = memory ? broker::StartBrokerOn(broker::MakeMemoryTopics(Random::FromEntropy()), options, dependencies)
                       : broker::Broker::Start(options, dependencies);
  if (!broker.ok()) {
    std::cerr << broker.error().ToString() << "\n";
    return 1;
  }
  std::cout << broker.value()->port() << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
  broker.value()->Stop();
  return 0;
}
