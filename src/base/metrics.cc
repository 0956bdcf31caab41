#include "base/metrics.h"

#include <map>
#include <mutex>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace tarn {
namespace {

class PromCounter final : public Counter {
 public:
  explicit PromCounter(prometheus::Counter& counter) : counter_(counter) {}
  void Add(double amount) override { counter_.Increment(amount); }
  double Value() const override { return counter_.Value(); }

 private:
  prometheus::Counter& counter_;
};

class PromGauge final : public Gauge {
 public:
  explicit PromGauge(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_.Set(value); }
  void Add(double amount) override { gauge_.Increment(amount); }
  double Value() const override { return gauge_.Value(); }

 private:
  prometheus::Gauge& gauge_;
};

class PromHistogram final : public Histogram {
 public:
  explicit PromHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void Observe(double value) override { histogram_.Observe(value); }
  double Quantile(double q) const override {
    const auto snapshot = histogram_.Collect().histogram;
    if (snapshot.sample_count == 0) return 0;
    const double rank = q * double(snapshot.sample_count);
    double below_count = 0, below_bound = 0;
    for (const auto& bucket : snapshot.bucket) {
      const double count = double(bucket.cumulative_count);
      if (count >= rank) {
        if (!(bucket.upper_bound < 1e300)) return below_bound;
        const double share = count > below_count ? (rank - below_count) / (count - below_count) : 1;
        return below_bound + share * (bucket.upper_bound - below_bound);
      }
      below_count = count;
      below_bound = bucket.upper_bound;
    }
    return below_bound;
  }

 private:
  prometheus::Histogram& histogram_;
};

std::map<std::string, std::string> ToMap(const MetricLabels& labels) {
  return {labels.begin(), labels.end()};
}

class PromMetrics final : public Metrics {
 public:
  Counter& GetCounter(std::string_view name, std::string_view help, const MetricLabels& labels) override {
    std::lock_guard lock(mutex_);
    auto& metric = prometheus::BuildCounter()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(registry_)
                       .Add(ToMap(labels));
    return Wrap(counters_, metric);
  }
  Gauge& GetGauge(std::string_view name, std::string_view help, const MetricLabels& labels) override {
    std::lock_guard lock(mutex_);
    auto& metric =
        prometheus::BuildGauge().Name(std::string(name)).Help(std::string(help)).Register(registry_).Add(ToMap(labels));
    return Wrap(gauges_, metric);
  }
  Histogram& GetHistogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                          const MetricLabels& labels) override {
    std::lock_guard lock(mutex_);
    auto& metric = prometheus::BuildHistogram()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(registry_)
                       .Add(ToMap(labels), bounds);
    return Wrap(histograms_, metric);
  }
  std::string ExportText() const override { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

 private:
  template <typename Wrapper, typename Metric>
  Wrapper& Wrap(std::map<Metric*, std::unique_ptr<Wrapper>>& known, Metric& metric) {
    auto& wrapper = known[&metric];
    if (!wrapper) {
      if constexpr (std::is_same_v<Wrapper, Counter>)
        wrapper = std::make_unique<PromCounter>(metric);
      else if constexpr (std::is_same_v<Wrapper, Gauge>)
        wrapper = std::make_unique<PromGauge>(metric);
      else
        wrapper = std::make_unique<PromHistogram>(metric);
    }
    return *wrapper;
  }

  // Get and Export are rare; observations go to the metric without this lock.
  std::mutex mutex_;
  prometheus::Registry registry_{prometheus::Registry::InsertBehavior::Merge};
  std::map<prometheus::Counter*, std::unique_ptr<Counter>> counters_;
  std::map<prometheus::Gauge*, std::unique_ptr<Gauge>> gauges_;
  std::map<prometheus::Histogram*, std::unique_ptr<Histogram>> histograms_;
};

}  // namespace

std::unique_ptr<Metrics> MakeMetrics() {
  return std::make_unique<PromMetrics>();
}

const std::vector<double>& LatencyBuckets() {
  static const std::vector<double> bounds = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2,
                                             0.3,    0.4,   0.5,   0.7,   1,    2,    5,    10,  30,   60};
  return bounds;
}

}  // namespace tarn
