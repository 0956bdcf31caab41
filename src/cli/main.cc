#include <malloc.h>

#include <csignal>

#include "cli/command_line.h"

int main(int argc, char** argv) {
  // A client that went away is an error of its write, not the end of the program.
  std::signal(SIGPIPE, SIG_IGN);
  // Every thread would otherwise keep an arena of its own: memory that one thread freed is of no use to the others.
  mallopt(M_ARENA_MAX, 2);
  return tarn::cli::RunCommandLine(argc, argv);
}
