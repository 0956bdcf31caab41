#pragma once

namespace duckdb {
struct DBConfig;
}

namespace tarn::engine {

// Casts from TIMESTAMP WITH TIME ZONE to DATE, where the session's time zone is UTC, by a division instead of ICU's
// calendar: the same days, at a twentieth of the cost. Event dates are taken from every record. To be called before the
// database opens.
void RegisterUtcCasts(duckdb::DBConfig& config);

}  // namespace tarn::engine
