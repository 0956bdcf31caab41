#include "engine/utc_casts.h"

#include <duckdb.hpp>
#include <duckdb/common/vector_operations/unary_executor.hpp>
#include <duckdb/optimizer/optimizer_extension.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <duckdb/planner/logical_operator_visitor.hpp>

// DuckDB takes no second cast between two types, so the bound ones are replaced in the plan. As with ICU's own, the
// zone is that of the time of planning.

namespace tarn::engine {
namespace {

bool CastToDate(duckdb::Vector& source, duckdb::Vector& result, duckdb::idx_t count, duckdb::CastParameters&) {
  constexpr int64_t kDay = 86'400'000'000;
  duckdb::UnaryExecutor::Execute<duckdb::timestamp_t, duckdb::date_t>(
      source, result, count, [](duckdb::timestamp_t time) {
        if (time == duckdb::timestamp_t::infinity()) return duckdb::date_t::infinity();
        if (time == duckdb::timestamp_t::ninfinity()) return duckdb::date_t::ninfinity();
        return duckdb::date_t(int32_t(time.value / kDay - (time.value % kDay < 0)));
      });
  return true;
}

class Visitor final : public duckdb::LogicalOperatorVisitor {
  duckdb::unique_ptr<duckdb::Expression> VisitReplace(duckdb::BoundCastExpression& cast,
                                                      duckdb::unique_ptr<duckdb::Expression>*) override {
    if (cast.source_type().id() == duckdb::LogicalTypeId::TIMESTAMP_TZ &&
        cast.return_type.id() == duckdb::LogicalTypeId::DATE)
      cast.bound_cast = duckdb::BoundCastInfo(CastToDate);
    return nullptr;
  }
};

void ReplaceCasts(duckdb::OptimizerExtensionInput& input, duckdb::unique_ptr<duckdb::LogicalOperator>& plan) {
  duckdb::Value zone;
  if (!input.context.TryGetCurrentSetting("TimeZone", zone) || zone.ToString() != "UTC") return;
  Visitor().VisitOperator(*plan);
}

}  // namespace

void RegisterUtcCasts(duckdb::DBConfig& config) {
  duckdb::OptimizerExtension extension;
  extension.optimize_function = ReplaceCasts;
  duckdb::OptimizerExtension::Register(config, std::move(extension));
}

}  // namespace tarn::engine
