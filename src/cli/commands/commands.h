#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/environment.h"
#include "cli/result_printers.h"

// The commands, each in a source of its own: what the user said goes in, the exit code comes out. Data goes to stdout,
// messages go to stderr.

namespace tarn::cli {

struct InitOptions {
  std::string directory;
};
int RunInit(const InitOptions& options);

struct UpOptions {
  PlaceOptions place;
  double seconds = 0;  // --for; 0: until a signal
  bool generators = true;
  std::string command;  // as it was started, for others to read
};
int RunUp(const UpOptions& options);

struct GenerateOptions {
  PlaceOptions place;
  uint64_t events = 0;
  double rate = 0;  // 0: as fast as possible
  uint64_t seed = 42;
  std::string start = "now";
  std::string bootstrap;
  std::string topic = "clickstream-events";
  std::string mode = "realistic";
  bool json = false;
};
int RunGenerate(const GenerateOptions& options);

struct SqlOptions {
  PlaceOptions place;
  std::string statement;  // empty: a shell, or statements from standard input
  std::string mode = "box";
};
int RunSql(const SqlOptions& options);

struct TableOptions {
  PlaceOptions place;
  std::string action;  // list, show, history, files
  std::string name;
  uint64_t limit = 20;   // of history
  int64_t version = -1;  // of files and show; -1: the newest
  bool json = false;
};
int RunTable(const TableOptions& options);

struct TopicOptions {
  PlaceOptions place;
  std::string action;  // list, show, create, tail, delete
  std::string name;
  std::string bootstrap;
  int partitions = 1;
  std::vector<std::string> config;  // key=value
  uint64_t count = 10;              // records of tail
  bool follow = false;
  bool yes = false;
  bool json = false;
};
int RunTopic(const TopicOptions& options);

struct ModelOptions {
  PlaceOptions place;
  std::string select, exclude;
  std::vector<std::string> vars;  // name=value
  bool full_refresh = false;
  bool fail_fast = false;
  bool tests_only = false;
};
int RunBuild(const ModelOptions& options);
int RunCompile(const ModelOptions& options);

struct StatusOptions {
  PlaceOptions place;
  bool json = false;
};
int RunStatus(const StatusOptions& options);
int RunDoctor(const StatusOptions& options);

}  // namespace tarn::cli
