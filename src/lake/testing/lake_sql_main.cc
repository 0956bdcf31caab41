#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "lake/testing/lake_world.h"

// tarn_lake_sql FOLDER [MEMORY_MB [THREADS [TARGET_FILE_BYTES]]]: runs each line of stdin as SQL on one connection;
// rows as tab-separated lines, NULL as \N, an error as one line "error <code>: <message>", and an empty line after each
// statement. A line "\time" tells how long the last one took.

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: tarn_lake_sql FOLDER [MEMORY_MB [THREADS]] < statements\n");
    return 2;
  }
  const uint64_t megabytes = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 512;
  tarn::lake::LakeWorld world(
      argv[1], tarn::SystemClock(),
      {.memory_limit_bytes = megabytes << 20, .threads = argc > 3 ? std::atoi(argv[3]) : 2},
      {.target_file_bytes = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : uint64_t(128) << 20});
  const auto connection = tarn::lake::Must(world.lake->Connect());
  std::string line;
  tarn::Micros took = 0;
  while (std::getline(std::cin, line)) {
    if (line == "\\time") {
      std::printf("%.3f s\n\n", double(took) / 1e6);
      continue;
    }
    const tarn::Micros begin = tarn::SystemClock().Steady();
    const auto rows = connection->QueryText(line);
    took = tarn::SystemClock().Steady() - begin;
    if (!rows.ok()) {
      std::string message = rows.error().ToString();
      std::replace(message.begin(), message.end(), '\n', ' ');
      std::printf("error %s: %s\n", std::string(tarn::ErrorCodeName(rows.error().code())).c_str(), message.c_str());
    } else {
      for (const auto& row : *rows) {
        for (size_t i = 0; i < row.size(); ++i) std::printf("%s%s", i > 0 ? "\t" : "", row[i].value_or("\\N").c_str());
        std::printf("\n");
      }
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  return 0;
}
