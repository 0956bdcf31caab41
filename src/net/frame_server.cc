#include "net/frame_server.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <utility>

#include "net/event_loop_internal.h"
#include "net/listen_internal.h"

// Each connection is a strand: everything of it happens there, one step at a time.
//
//   ReadSize -> (budget) -> ReadBody … -> handler -> ReadSize        reading pauses while too much is unanswered or
//   unsent FrameCall::Reply -> slot done -> WriteReady -> async_write -> …  slots stand in request order; only a done
//   front leaves
//
// Invariants: a frame's bytes are in the budget from before its first byte is read until its answer is written or its
// connection is closed; at most one read and one write are under way in a connection.

namespace tarn::net {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using Strand = asio::strand<asio::io_context::executor_type>;
using Socket = asio::basic_stream_socket<tcp, Strand>;

// The bytes in flight of all connections; who finds it full is called when there is room again.
class Budget {
 public:
  explicit Budget(uint64_t max) : max_(max) {}

  // Takes `size` now and returns true, or later and calls `granted` then.
  bool Take(uint64_t size, std::function<void()> granted) {
    std::lock_guard lock(mutex_);
    if (waiting_.empty() && Fits(size)) {
      used_ += size;
      return true;
    }
    waiting_.emplace_back(size, std::move(granted));
    return false;
  }
  void Give(uint64_t size) {
    std::vector<std::function<void()>> granted;
    {
      std::lock_guard lock(mutex_);
      used_ -= size;
      while (!waiting_.empty() && Fits(waiting_.front().first)) {
        used_ += waiting_.front().first;
        granted.push_back(std::move(waiting_.front().second));
        waiting_.pop_front();
      }
    }
    for (auto& call : granted) call();
  }
  uint64_t used() const {
    std::lock_guard lock(mutex_);
    return used_;
  }

 private:
  bool Fits(uint64_t size) const { return used_ == 0 || used_ + size <= max_; }

  const uint64_t max_;
  mutable std::mutex mutex_;
  uint64_t used_ = 0;
  std::deque<std::pair<uint64_t, std::function<void()>>> waiting_;
};

class ServerImpl;
class Connection;

// The place of one request's answer in its connection's order.
struct Slot {
  bool done = false;
  bool close = false;
  bool silent = false;
  std::vector<std::string> pieces;
  uint64_t answer_bytes = 0;
  uint64_t frame_bytes = 0;
};

// What connections share with their server, and what outlives it while calls are unanswered.
struct Shared {
  Shared(FrameServerOptions o, FrameHandler h, Clock& c, Logger& l)
      : options(std::move(o)), handler(std::move(h)), clock(c), logger(l), budget(options.in_flight_bytes_max) {}
  const FrameServerOptions options;
  const FrameHandler handler;
  Clock& clock;
  Logger& logger;
  Budget budget;
  std::atomic<bool> reading{true};
  std::atomic<uint64_t> received{0}, sent{0};

  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::shared_ptr<Connection>> connections;
  std::function<void()> on_room;  // accepts again
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Shared> shared, Socket socket)
      : shared_(std::move(shared)), socket_(std::move(socket)), last_progress_(shared_->clock.Steady()) {
    error_code error;
    const auto remote = socket_.remote_endpoint(error);
    peer_ = error ? "unknown" : remote.address().to_string();
    socket_.set_option(tcp::no_delay(true), error);
  }

  void Start() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->ReadSize(); });
  }
  void Post(std::function<void(Connection&)> work) {
    asio::post(socket_.get_executor(), [self = shared_from_this(), work = std::move(work)] { work(*self); });
  }

  // From any thread: the answer of a slot is known.
  void Finish(std::shared_ptr<Slot> slot, std::vector<std::string> pieces, bool silent, bool close) {
    asio::dispatch(socket_.get_executor(), [self = shared_from_this(), slot = std::move(slot),
                                            pieces = std::move(pieces), silent, close]() mutable {
      if (slot->done) return;
      slot->done = true;
      slot->silent = silent;
      slot->close = close;
      for (const std::string& piece : pieces) slot->answer_bytes += piece.size();
      slot->pieces = std::move(pieces);
      self->unsent_ += slot->answer_bytes;
      self->WriteReady();
    });
  }

  // Strand only, like all below.
  void CloseIfStalled(Micros now) {
    const bool busy = writing_ || body_wanted_ > 0;
    const Micros limit = busy ? shared_->options.stall_time_max : shared_->options.idle_time_max;
    if (closed_ || (!busy && !slots_.empty()) || now - last_progress_ < limit) return;
    if (busy) shared_->logger.Warn("net", "closing a stalled connection", {{"peer", peer_}});
    Close();
  }
  // Says goodbye when nothing is owed any more. What has come in is thrown away: unread bytes would make the system
  // reset the connection and lose answers on their way.
  void Drain() {
    draining_ = true;
    if (closed_ || !slots_.empty() || writing_) return;
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    socket_.non_blocking(true, ignored);
    for (char waste[4096]; !ignored;) socket_.read_some(asio::buffer(waste), ignored);
    Close();
  }
  void Close();

 private:
  void ReadSize() {
    if (closed_ || reading_) return;
    if (!shared_->reading.load()) return;
    if (slots_.size() >= shared_->options.unanswered_max || unsent_ > shared_->options.unsent_bytes_max)
      return;  // WriteReady resumes
    reading_ = true;
    asio::async_read(socket_, asio::buffer(size_bytes_), [self = shared_from_this()](const error_code& error, size_t) {
      self->reading_ = false;
      if (error) return self->PeerGone();
      self->TakeBudget();
    });
  }

  void TakeBudget() {
    last_progress_ = shared_->clock.Steady();
    uint32_t size = 0;
    for (unsigned char byte : size_bytes_) size = (size << 8) | byte;
    if (size > shared_->options.frame_bytes_max) {
      shared_->logger.Warn("net", "closing a connection: its frame is too large", {{"peer", peer_}, {"bytes", size}});
      return CloseAfterAnswers();
    }
    reading_ = true;
    body_wanted_ = size;
    auto granted = [self = shared_from_this(), size] {
      self->Post([size](Connection& c) {
        if (c.closed_) return c.shared_->budget.Give(size);
        c.held_ += size;
        c.ReadBody();
      });
    };
    if (shared_->budget.Take(size, std::move(granted))) {
      held_ += size;
      ReadBody();
    }
  }

  // Memory follows the bytes that came, not the size that was announced.
  void ReadBody() {
    constexpr size_t kFirstStep = 256 << 10;
    const size_t have = frame_.size();
    if (have == body_wanted_) return Dispatch();
    const size_t step = std::min(body_wanted_ - have, std::max(kFirstStep, have));
    frame_.resize(have + step);
    asio::async_read(socket_, asio::buffer(frame_.data() + have, step),
                     [self = shared_from_this()](const error_code& error, size_t) {
                       if (error) {
                         self->reading_ = false;
                         return self->PeerGone();
                       }
                       self->last_progress_ = self->shared_->clock.Steady();
                       self->ReadBody();
                     });
  }

  void Dispatch();

  // The other side closed or broke: nobody reads our answers.
  void PeerGone() { Close(); }

  void CloseAfterAnswers() {
    auto slot = std::make_shared<Slot>();
    slot->done = slot->close = slot->silent = true;
    slots_.push_back(std::move(slot));
    WriteReady();
  }

  void WriteReady() {
    if (closed_ || writing_) return;
    leaving_.clear();
    buffers_.clear();
    bool close = false;
    while (!slots_.empty() && slots_.front()->done && !close) {
      leaving_.push_back(std::move(slots_.front()));
      slots_.pop_front();
      close = leaving_.back()->close;
    }
    if (leaving_.empty()) return;
    sizes_.assign(leaving_.size(), {});
    for (size_t i = 0; i < leaving_.size(); ++i) {
      Slot& slot = *leaving_[i];
      if (slot.silent) continue;
      for (int b = 0; b < 4; ++b) sizes_[i][size_t(b)] = char(uint8_t(slot.answer_bytes >> (24 - 8 * b)));
      buffers_.push_back(asio::buffer(sizes_[i]));
      for (const std::string& piece : slot.pieces) buffers_.push_back(asio::buffer(piece));
    }
    if (buffers_.empty()) return Left(close);
    writing_ = true;
    last_progress_ = shared_->clock.Steady();
    asio::async_write(socket_, buffers_, [self = shared_from_this(), close](const error_code& error, size_t) {
      self->writing_ = false;
      if (error || self->closed_) return self->Close();
      self->last_progress_ = self->shared_->clock.Steady();
      self->Left(close);
    });
  }

  // The answers of `leaving_` are with the system.
  void Left(bool close) {
    uint64_t frames = 0;
    for (const auto& slot : leaving_) {
      frames += slot->frame_bytes;
      unsent_ -= slot->answer_bytes;
      shared_->sent += slot->answer_bytes;
    }
    leaving_.clear();
    held_ -= frames;
    shared_->budget.Give(frames);
    if (close) return Close();
    WriteReady();
    if (draining_) return Drain();
    ReadSize();
  }

  const std::shared_ptr<Shared> shared_;
  Socket socket_;
  std::string peer_;
  Micros last_progress_;
  bool closed_ = false, draining_ = false, reading_ = false, writing_ = false;

  std::array<unsigned char, 4> size_bytes_{};
  std::string frame_;
  size_t body_wanted_ = 0;
  uint64_t held_ = 0;  // of the budget

  std::deque<std::shared_ptr<Slot>> slots_;
  uint64_t unsent_ = 0;
  std::vector<std::shared_ptr<Slot>> leaving_;
  std::vector<std::array<char, 4>> sizes_;
  std::vector<asio::const_buffer> buffers_;
};

class Call final : public FrameCall {
 public:
  Call(std::shared_ptr<Connection> connection, std::shared_ptr<Slot> slot, std::string frame, std::string peer)
      : connection_(std::move(connection)), slot_(std::move(slot)), frame_(std::move(frame)), peer_(std::move(peer)) {}
  ~Call() override { Finish({}, true, true); }

  const std::string& frame() const override { return frame_; }
  const std::string& peer_address() const override { return peer_; }
  void Reply(std::vector<std::string> pieces) override { Finish(std::move(pieces), false, false); }
  void ReplyNothing() override { Finish({}, true, false); }
  void Close() override { Finish({}, true, true); }

 private:
  void Finish(std::vector<std::string> pieces, bool silent, bool close) {
    if (!answered_.exchange(true)) connection_->Finish(slot_, std::move(pieces), silent, close);
  }

  std::atomic<bool> answered_{false};
  const std::shared_ptr<Connection> connection_;
  const std::shared_ptr<Slot> slot_;
  const std::string frame_;
  const std::string peer_;
};

void Connection::Dispatch() {
  reading_ = false;
  body_wanted_ = 0;
  auto slot = std::make_shared<Slot>();
  slot->frame_bytes = frame_.size();
  shared_->received += frame_.size();
  slots_.push_back(slot);
  shared_->handler(std::make_shared<Call>(shared_from_this(), std::move(slot), std::exchange(frame_, {}), peer_));
  ReadSize();
}

void Connection::Close() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;
  socket_.close(ignored);
  shared_->budget.Give(std::exchange(held_, 0));
  slots_.clear();
  std::function<void()> on_room;
  {
    std::lock_guard lock(shared_->mutex);
    shared_->connections.erase(shared_from_this());
    on_room = shared_->on_room;
    shared_->changed.notify_all();
  }
  if (on_room) on_room();
}

class ServerImpl final : public FrameServer {
 public:
  ServerImpl(FrameServerOptions options, FrameHandler handler, EventLoop& loop, Clock& clock, Logger& logger)
      : loop_(loop),
        shared_(std::make_shared<Shared>(std::move(options), std::move(handler), clock, logger)),
        acceptor_state_(std::make_shared<Acceptor>(loop.impl().io)) {}
  ~ServerImpl() override { Stop(0); }

  Status Listen() {
    TARN_TRY(net::Listen(acceptor_state_->acceptor, shared_->options.address, shared_->options.port));
    port_ = acceptor_state_->acceptor.local_endpoint().port();
    // The cycle from shared_ to itself ends in StopReading.
    shared_->on_room = [state = acceptor_state_, shared = shared_] {
      asio::post(state->strand, [state, shared] { Accept(state, shared); });
    };
    shared_->on_room();
    sweep_ = loop_.RunEvery(5'000'000, [shared = shared_] {
      const Micros now = shared->clock.Steady();
      std::lock_guard lock(shared->mutex);
      if (shared->on_room) shared->on_room();  // after an error of accept, such as too many open files
      for (const auto& connection : shared->connections)
        connection->Post([now](Connection& c) { c.CloseIfStalled(now); });
    });
    return Ok();
  }

  uint16_t port() const override { return port_; }
  int connections() const override {
    std::lock_guard lock(shared_->mutex);
    return int(shared_->connections.size());
  }
  uint64_t in_flight_bytes() const override { return shared_->budget.used(); }
  uint64_t bytes_received() const override { return shared_->received.load(); }
  uint64_t bytes_sent() const override { return shared_->sent.load(); }

  void StopReading() override {
    if (!shared_->reading.exchange(false)) return;
    sweep_.reset();
    std::lock_guard lock(shared_->mutex);
    shared_->on_room = nullptr;
    asio::post(acceptor_state_->strand, [state = acceptor_state_] {
      error_code ignored;
      state->acceptor.close(ignored);
    });
  }

  void Stop(Micros drain_max) override {
    StopReading();
    std::unique_lock lock(shared_->mutex);
    for (const auto& connection : shared_->connections) connection->Post([](Connection& c) { c.Drain(); });
    const auto none = [this] { return shared_->connections.empty(); };
    shared_->changed.wait_for(lock, std::chrono::microseconds(drain_max), none);
    for (const auto& connection : shared_->connections) connection->Post([](Connection& c) { c.Close(); });
    shared_->changed.wait(lock, none);
  }

 private:
  struct Acceptor {
    explicit Acceptor(asio::io_context& io) : io(io), strand(io.get_executor()), acceptor(io) {}
    asio::io_context& io;
    Strand strand;
    tcp::acceptor acceptor;
    bool accepting = false;
  };

  // On the acceptor's strand. One accept at a time, none while there are as many connections as allowed.
  static void Accept(const std::shared_ptr<Acceptor>& state, const std::shared_ptr<Shared>& shared) {
    if (state->accepting || !state->acceptor.is_open() || !shared->reading.load()) return;
    {
      std::lock_guard lock(shared->mutex);
      if (int(shared->connections.size()) >= shared->options.connections_max) return;
    }
    state->accepting = true;
    auto socket = std::make_shared<Socket>(Strand(state->io.get_executor()));
    state->acceptor.async_accept(
        *socket, asio::bind_executor(state->strand, [state, shared, socket](const error_code& error) {
          state->accepting = false;
          if (error == asio::error::operation_aborted || !shared->reading.load()) return;
          if (error) {
            shared->logger.Warn("net", "cannot accept a connection", {{"error", error.message()}});
            return;  // the sweep tries again
          } else {
            auto connection = std::make_shared<Connection>(shared, std::move(*socket));
            {
              std::lock_guard lock(shared->mutex);
              if (!shared->on_room) return;  // stopping
              shared->connections.insert(connection);
            }
            connection->Start();
          }
          Accept(state, shared);
        }));
  }

  EventLoop& loop_;
  const std::shared_ptr<Shared> shared_;
  const std::shared_ptr<Acceptor> acceptor_state_;
  std::unique_ptr<EventLoop::Timer> sweep_;
  uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<FrameServer>> FrameServer::Start(FrameServerOptions options, FrameHandler handler,
                                                        EventLoop& loop, Clock& clock, Logger& logger) {
  auto server = std::make_unique<ServerImpl>(std::move(options), std::move(handler), loop, clock, logger);
  TARN_TRY(server->Listen());
  return std::unique_ptr<FrameServer>(std::move(server));
}

}  // namespace tarn::net
