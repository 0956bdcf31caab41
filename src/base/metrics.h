#pragma once

#include <atomic>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Counters, gauges and histograms of the process, shown at /metrics in Prometheus' text format. A hot path looks its
// metric up once and keeps the reference; metrics live as long as their registry.

namespace tarn {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// Thread-safe; monotone.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double amount = 1) = 0;
  virtual double Value() const = 0;
};

// Thread-safe.
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual void Add(double amount) = 0;
  virtual double Value() const = 0;
};

// Thread-safe. Keeps buckets only; Quantile interpolates inside one.
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
  // The value below which a share q of the observations lies, estimated; 0 without observations.
  virtual double Quantile(double q) const = 0;
};

// Thread-safe. The same name and labels give the same metric. Names are snake_case with the unit last, counters end in
// `_total`. Requires: one kind a name.
class Metrics {
 public:
  virtual ~Metrics() = default;
  virtual Counter& GetCounter(std::string_view name, std::string_view help, const MetricLabels& labels = {}) = 0;
  virtual Gauge& GetGauge(std::string_view name, std::string_view help, const MetricLabels& labels = {}) = 0;
  // `bounds`: upper bounds of the buckets, rising.
  virtual Histogram& GetHistogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                                  const MetricLabels& labels = {}) = 0;
  // The text exposition format 0.0.4.
  virtual std::string ExportText() const = 0;
};

std::unique_ptr<Metrics> MakeMetrics();

// Bucket bounds in seconds from 0.5 ms to 60 s.
const std::vector<double>& LatencyBuckets();

}  // namespace tarn
