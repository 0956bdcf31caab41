#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/logging.h"
#include "base/result.h"
#include "net/event_loop.h"

// A TCP server of frames, each a big-endian int32 size and as many bytes, both ways: the shape of the Kafka protocol.

namespace tarn::net {

// One frame that came in and waits for its answer. Thread-safe. Destroying it unanswered closes the connection.
class FrameCall {
 public:
  virtual ~FrameCall() = default;

  // The frame without its size. Valid as long as the call.
  virtual const std::string& frame() const = 0;
  // Numeric address of the other side: "127.0.0.1".
  virtual const std::string& peer_address() const = 0;

  // One of these, once, from any thread. Answers leave in the order of the requests; one given early waits for those
  // before.
  virtual void Reply(std::vector<std::string> pieces) = 0;
  virtual void ReplyNothing() = 0;
  // Closes the connection after the answers before this one have left.
  virtual void Close() = 0;
};

// Called on a loop thread, for the frames of one connection one after the other. Answering may happen later; short disk
// work is allowed, waiting for others is not. Thread-safe.
using FrameHandler = std::function<void(std::shared_ptr<FrameCall> call)>;

struct FrameServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;                           // 0: any free one
  uint32_t frame_bytes_max = 100u << 20;       // a larger size closes the connection
  uint64_t in_flight_bytes_max = 64ull << 20;  // frames read and not answered, all connections; beyond it, reading
                                               // waits. One frame is always admitted
  int connections_max = 1024;                  // further ones wait in the system's backlog
  size_t unanswered_max = 64;                  // of one connection; beyond it, reading waits
  uint64_t unsent_bytes_max =
      16ull << 20;  // answers of one connection not yet taken by the system; beyond it, reading waits
  Micros stall_time_max = 60'000'000;  // a frame half read or an answer half written for as long closes
  Micros idle_time_max = 600'000'000;  // connections.max.idle.ms
};

// Owned by whoever started it; stopped by Stop or the destructor. Thread-safe.
class FrameServer {
 public:
  // Listens and serves. kUnavailable: the port is taken, naming its holder. What is passed outlives the server.
  static Result<std::unique_ptr<FrameServer>> Start(FrameServerOptions options, FrameHandler handler, EventLoop& loop,
                                                    Clock& clock, Logger& logger);
  virtual ~FrameServer() = default;

  virtual uint16_t port() const = 0;
  virtual int connections() const = 0;
  virtual uint64_t in_flight_bytes() const = 0;
  virtual uint64_t bytes_received() const = 0;  // in frames, since the start
  virtual uint64_t bytes_sent() const = 0;
  // Takes no more connections and reads no more frames.
  virtual void StopReading() = 0;
  // StopReading, then waits up to `drain_max` for answers to leave, and closes. Idempotent. Not to be called on a loop
  // thread.
  virtual void Stop(Micros drain_max) = 0;
};

}  // namespace tarn::net
