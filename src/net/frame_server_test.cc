#include "net/frame_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <optional>

#include <gtest/gtest.h>

namespace tarn::net {
namespace {

// A blocking client; whatever takes ten seconds has failed.
class Client {
 public:
  explicit Client(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void SendRaw(std::string_view bytes) { (void)!::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  void Send(const std::string& frame) {
    const uint32_t size = htonl(uint32_t(frame.size()));
    SendRaw(std::string(reinterpret_cast<const char*>(&size), sizeof size) + frame);
  }
  // Nothing when the server has closed.
  std::optional<std::string> Receive() {
    uint32_t size = 0;
    if (!Fill(reinterpret_cast<char*>(&size), sizeof size)) return std::nullopt;
    std::string frame(ntohl(size), '\0');
    if (!Fill(frame.data(), frame.size())) return std::nullopt;
    return frame;
  }

 private:
  bool Fill(char* out, size_t count) {
    for (size_t done = 0; done < count;) {
      const ssize_t n = ::recv(socket_, out + done, count - done, 0);
      EXPECT_GE(n, 0) << "nothing came within ten seconds";
      if (n <= 0) return false;
      done += size_t(n);
    }
    return true;
  }
  const int socket_;
};

// Keeps the calls for the test to answer, or answers with the frame itself.
class Calls {
 public:
  FrameHandler Keep() {
    return [this](std::shared_ptr<FrameCall> call) {
      std::lock_guard lock(mutex_);
      calls_.push_back(std::move(call));
      changed_.notify_all();
    };
  }
  static FrameHandler Echo() {
    return [](const std::shared_ptr<FrameCall>& call) { call->Reply({"<", call->frame(), ">"}); };
  }
  // Waits until `count` calls have come; takes them all.
  std::vector<std::shared_ptr<FrameCall>> Take(size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(10), [&] { return calls_.size() >= count; }));
    return std::move(calls_);
  }
  size_t waiting() {
    std::lock_guard lock(mutex_);
    return calls_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<FrameCall>> calls_;
};

class FrameServerTest : public ::testing::Test {
 protected:
  std::unique_ptr<FrameServer> Start(FrameHandler handler, FrameServerOptions options = {}) {
    auto server = FrameServer::Start(std::move(options), std::move(handler), loop_, SystemClock(), NullLogger());
    EXPECT_TRUE(server.ok()) << server.error().ToString();
    return std::move(*server);
  }
  EventLoop loop_{2};
  Calls calls_;
};

TEST_F(FrameServerTest, FramesOfAnySizeAreAnsweredHoweverTheyArrive) {
  const auto server = Start(Calls::Echo());
  Client client(server->port());
  for (const size_t size : {0, 1, 1000, 3'000'000}) {
    const std::string frame(size, 'x');
    client.Send(frame);
    EXPECT_EQ(client.Receive(), "<" + frame + ">");
  }
  for (const char byte : std::string("\0\0\0\2ab", 6)) client.SendRaw({&byte, 1});
  EXPECT_EQ(client.Receive(), "<ab>");
  EXPECT_EQ(server->bytes_received(), 3'001'003u);
}

TEST_F(FrameServerTest, AnswersLeaveInTheOrderOfTheRequests) {
  const auto server = Start(calls_.Keep());
  Client client(server->port());
  for (const char* frame : {"1", "2", "3", "4"}) client.Send(frame);
  const auto calls = calls_.Take(4);
  calls[3]->Reply({"four"});
  calls[2]->ReplyNothing();
  calls[1]->Reply({"t", "", "wo"});
  calls[0]->Reply({"one"});
  EXPECT_EQ(client.Receive(), "one");
  EXPECT_EQ(client.Receive(), "two");
  EXPECT_EQ(client.Receive(), "four");
}

TEST_F(FrameServerTest, ACallThatIsGivenUpClosesAfterTheAnswersBefore) {
  const auto server = Start(calls_.Keep());
  Client dropped(server->port()), closed(server->port());
  dropped.Send("1");
  dropped.Send("2");
  auto calls = calls_.Take(2);
  calls[1].reset();
  calls[0]->Reply({"one"});
  EXPECT_EQ(dropped.Receive(), "one");
  EXPECT_EQ(dropped.Receive(), std::nullopt);
  closed.Send("1");
  calls_.Take(1)[0]->Close();
  EXPECT_EQ(closed.Receive(), std::nullopt);
}

TEST_F(FrameServerTest, ASizeBeyondTheLimitOrBelowZeroClosesBeforeAnythingIsRead) {
  const auto server = Start(Calls::Echo(), {.frame_bytes_max = 1000});
  for (const std::string& size :
       {std::string("\x7f\xff\xff\xff", 4), std::string("\xff\xff\xff\xff", 4), std::string("\0\0\x03\xe9", 4)}) {
    Client client(server->port());
    client.SendRaw(size);
    EXPECT_EQ(client.Receive(), std::nullopt);
  }
  Client client(server->port());
  client.Send(std::string(1000, 'x'));
  EXPECT_EQ(client.Receive()->size(), 1002u);
}

TEST_F(FrameServerTest, ReadingWaitsWhileTooMuchIsUnanswered) {
  const auto server = Start(calls_.Keep(), {.in_flight_bytes_max = 2500});
  Client one(server->port()), two(server->port());
  for (int i = 0; i < 2; ++i) one.Send(std::string(1000, 'a'));
  auto first = calls_.Take(2);
  two.Send(std::string(1000, 'b'));
  // A third does not fit; it comes when one of the others is answered.
  EXPECT_LE(server->in_flight_bytes(), 2500u);
  EXPECT_EQ(calls_.waiting(), 0u);
  first[0]->Reply({"ok"});
  EXPECT_EQ(one.Receive(), "ok");
  calls_.Take(1)[0]->Reply({"late"});
  EXPECT_EQ(two.Receive(), "late");
  // A frame larger than the budget is let in alone.
  first[1]->Reply({"ok"});
  EXPECT_EQ(one.Receive(), "ok");
  one.Send(std::string(5000, 'c'));
  calls_.Take(1)[0]->Reply({"large"});
  EXPECT_EQ(one.Receive(), "large");
}

TEST_F(FrameServerTest, StopLetsAnswersLeaveAndThenCloses) {
  auto server = Start(calls_.Keep());
  Client client(server->port());
  client.Send("1");
  const auto calls = calls_.Take(1);
  server->StopReading();
  calls[0]->Reply({"one"});
  server->Stop(5'000'000);
  EXPECT_EQ(client.Receive(), "one");
  EXPECT_EQ(client.Receive(), std::nullopt);
  // A call that outlives its server is answered into nothing.
  auto second = Start(calls_.Keep());
  Client late(second->port());
  late.Send("1");
  const auto outliving = calls_.Take(1);
  second.reset();
  outliving[0]->Reply({"nobody"});
  EXPECT_EQ(late.Receive(), std::nullopt);
}

TEST_F(FrameServerTest, APortInUseIsUnavailable) {
  const auto server = Start(Calls::Echo());
  const auto second = FrameServer::Start({.port = server->port()}, Calls::Echo(), loop_, SystemClock(), NullLogger());
  ASSERT_TRUE(second.Is(ErrorCode::kUnavailable));
  EXPECT_NE(second.error().message().find("pid " + std::to_string(::getpid())), std::string::npos)
      << second.error().message();
}

}  // namespace
}  // namespace tarn::net
