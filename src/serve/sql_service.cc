#include "serve/sql_service.h"

#include <chrono>

namespace tarn::serve {

SqlService::SqlService(SqlServiceOptions options, lake::Lake& lake, Clock& clock, Random random)
    : options_(options), lake_(lake), clock_(clock), random_(random), watcher_([this] { Watch(); }) {}

SqlService::~SqlService() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  watcher_.join();
}

Status SqlService::Run(const std::string& session, const std::string& sql, RowFormat format,
                       const std::function<bool()>& gone, const LineSink& sink) {
  TARN_TRY(AwaitTurn());
  std::unique_ptr<engine::Connection> own;
  Result<engine::Connection*> connection = nullptr;
  if (session.empty()) {
    auto connected = lake_.Connect();
    if (connected.ok())
      own = std::move(*connected), connection = own.get();
    else
      connection = connected.error();
  } else {
    connection = TakeSession(session);
  }
  Status status = connection.status();
  if (connection.ok()) {
    std::unique_lock lock(mutex_);
    const auto entry = running_.insert(running_.end(), Running{**connection, gone});
    lock.unlock();
    status = StreamSql(**connection, sql, format, clock_, sink);
    lock.lock();
    running_.erase(entry);
  }
  std::lock_guard lock(mutex_);
  if (connection.ok() && !session.empty()) {
    Session& mine = sessions_.at(session);
    mine.busy = false;
    mine.used_at = clock_.Steady();
  }
  --turns_taken_;
  changed_.notify_all();
  return status;
}

Status SqlService::AwaitTurn() {
  std::unique_lock lock(mutex_);
  if (turns_taken_ >= options_.running_max && waiting_ >= options_.waiting_max)
    return Error(ErrorCode::kResourceExhausted, std::to_string(turns_taken_) + " statements run and " +
                                                    std::to_string(waiting_) + " wait: try again later");
  ++waiting_;
  const bool free = changed_.wait_for(lock, std::chrono::microseconds(options_.wait_max),
                                      [this] { return turns_taken_ < options_.running_max || stopping_; });
  --waiting_;
  if (stopping_) return Error(ErrorCode::kCancelled, "the server stops");
  if (!free)
    return Error(ErrorCode::kResourceExhausted,
                 std::to_string(turns_taken_) + " other statements still run: try again later");
  ++turns_taken_;
  return Ok();
}

Result<engine::Connection*> SqlService::TakeSession(const std::string& id) {
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end())
    return Error(ErrorCode::kNotFound, "no SQL session " + id + ": it was closed, or idle for too long");
  if (found->second.busy) return Error(ErrorCode::kConflict, "SQL session " + id + " still runs a statement");
  found->second.busy = true;
  return found->second.connection.get();
}

Result<std::string> SqlService::OpenSession() {
  TARN_ASSIGN_OR_RETURN(auto connection, lake_.Connect());
  std::lock_guard lock(mutex_);
  CloseIdleSessions();
  if (int(sessions_.size()) >= options_.sessions_max)
    return Error(ErrorCode::kResourceExhausted, std::to_string(sessions_.size()) + " SQL sessions are open: close one");
  const std::string id = MakeUuid(random_);
  sessions_[id] = {.connection = std::move(connection), .used_at = clock_.Steady()};
  return id;
}

Status SqlService::CloseSession(const std::string& id) {
  std::unique_ptr<engine::Connection> closed;  // destroyed, and so rolled back, after the lock
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return Error(ErrorCode::kNotFound, "no SQL session " + id);
  if (found->second.busy) return Error(ErrorCode::kConflict, "SQL session " + id + " still runs a statement");
  closed = std::move(found->second.connection);
  sessions_.erase(found);
  return Ok();
}

void SqlService::CloseIdleSessions() {
  const Micros oldest = clock_.Steady() - options_.session_idle_max;
  std::erase_if(sessions_, [&](const auto& entry) { return !entry.second.busy && entry.second.used_at < oldest; });
}

// DuckDB looks at an interrupt between chunks of work, whereas the thread that computes looks at its client only when
// it has something to send: so another one does.
void SqlService::Watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, std::chrono::milliseconds(200));
    for (const Running& statement : running_)
      if (statement.gone()) statement.connection.Interrupt();
    CloseIdleSessions();
  }
}

}  // namespace tarn::serve
