#pragma once

namespace tarn::cli {

// Reads the command line, runs the command and returns the exit code.
int RunCommandLine(int argc, const char* const* argv);

}  // namespace tarn::cli
