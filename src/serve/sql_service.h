#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "lake/lake.h"
#include "serve/sql_stream.h"

// SQL for many clients at once: how many statements run, whose transaction goes on, what ends when its client has gone.

namespace tarn::serve {

struct SqlServiceOptions {
  int running_max = 4;           // statements at a time; further ones wait
  int waiting_max = 4;           // further ones are refused with kResourceExhausted
  Micros wait_max = 30'000'000;  // for a turn, then kResourceExhausted
  int sessions_max = 32;
  Micros session_idle_max = 600'000'000;  // then it is closed and its transaction rolled back
};

// Thread-safe. The dependencies outlive it.
class SqlService {
 public:
  SqlService(SqlServiceOptions options, lake::Lake& lake, Clock& clock, Random random);
  ~SqlService();
  SqlService(const SqlService&) = delete;
  SqlService& operator=(const SqlService&) = delete;

  // Runs `sql` (StreamSql) on a session's connection, or with an empty `session` on one of its own. `gone` is asked a
  // few times a second while it runs, from another thread; once it is true the statement is interrupted: kCancelled.
  // kNotFound: no such session; kConflict: the session is busy; kResourceExhausted.
  Status Run(const std::string& session, const std::string& sql, RowFormat format, const std::function<bool()>& gone,
             const LineSink& sink);

  // A connection that keeps its transaction, settings and temporary tables. kResourceExhausted.
  Result<std::string> OpenSession();
  // kNotFound; kConflict: busy.
  Status CloseSession(const std::string& id);

 private:
  struct Session {
    std::unique_ptr<engine::Connection> connection;
    Micros used_at = 0;
    bool busy = false;
  };
  struct Running {
    engine::Connection& connection;
    const std::function<bool()>& gone;
  };

  Status AwaitTurn();
  Result<engine::Connection*> TakeSession(const std::string& id);
  void Watch();
  void CloseIdleSessions();  // Requires: mutex_ held.

  const SqlServiceOptions options_;
  lake::Lake& lake_;
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Random random_;
  std::map<std::string, Session> sessions_;
  std::list<Running> running_;
  int turns_taken_ = 0;
  int waiting_ = 0;
  bool stopping_ = false;
  std::thread watcher_;
};

}  // namespace tarn::serve
