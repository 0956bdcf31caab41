#include <malloc.h>

#include <csignal>

#include "cli/command_line.h"

int main(int argc, char** argv) {
  // A client that went away is an error of its write, not the end of the program.
  std::signal(SIGPIPE, SIG_IGN);
  // Every thread would otherwise keep an arena of its own: memory that one thread freed is of no use to the others.
  mallopt(M_ARENA_MAX, 2);
  // Large buffers go back to the system when they are freed. Left to itself malloc raises this bound to the largest
  // buffer that it saw, and keeps them: 35 MB more at the peak of a 2,000,000 event backlog.
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  return tarn::cli::RunCommandLine(argc, argv);
}
