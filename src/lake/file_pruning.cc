#include "lake/file_pruning_internal.h"

#include <duckdb/execution/expression_executor.hpp>
#include <duckdb/planner/expression/bound_between_expression.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/expression/bound_comparison_expression.hpp>
#include <duckdb/planner/expression/bound_conjunction_expression.hpp>
#include <duckdb/planner/expression/bound_constant_expression.hpp>
#include <duckdb/planner/expression/bound_operator_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>

#include "lake/column_types_internal.h"

namespace tarn::lake {
namespace {

using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using duckdb::Value;

bool IsFloating(const engine::Field& field) {
  return field.type.kind == engine::TypeKind::kFloat || field.type.kind == engine::TypeKind::kDouble;
}

// Types whose bounds in a log order as their SQL values do.
bool HasOrderedBounds(const engine::Field& field) {
  switch (field.type.kind) {
    case engine::TypeKind::kBinary:
    case engine::TypeKind::kUuid:
    case engine::TypeKind::kTime:
    case engine::TypeKind::kStruct:
    case engine::TypeKind::kList:
    case engine::TypeKind::kMap:
      return false;
    default:
      return SqlType(field) == FileType(field);
  }
}

// NULL: no such bound.
Value Bound(const engine::Field& field, const std::optional<std::string>& text) {
  Value value;
  if (!text || !Value(*text).DefaultTryCastAs(SqlType(field), value, nullptr)) return Value();
  return value;
}

const Value* ConstantOf(const Expression& expression) {
  if (expression.GetExpressionClass() != ExpressionClass::BOUND_CONSTANT) return nullptr;
  return &expression.Cast<duckdb::BoundConstantExpression>().value;
}

// Whether some value in [min, max] (NULL: open) can stand in this comparison to `constant`.
bool RangeMayMatch(const Value& min, const Value& max, ExpressionType comparison, const Value& constant) {
  switch (comparison) {
    case ExpressionType::COMPARE_EQUAL:
    case ExpressionType::COMPARE_NOT_DISTINCT_FROM:
      return (min.IsNull() || !(min > constant)) && (max.IsNull() || !(max < constant));
    case ExpressionType::COMPARE_LESSTHAN:
      return min.IsNull() || min < constant;
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
      return min.IsNull() || min <= constant;
    case ExpressionType::COMPARE_GREATERTHAN:
      return max.IsNull() || max > constant;
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
      return max.IsNull() || max >= constant;
    default:
      return true;
  }
}

}  // namespace

Value PartitionValue(const engine::Field& field, const table::DataFile& file) {
  const duckdb::LogicalType type = SqlType(field);
  const auto found = file.partition_values.find(field.name);
  if (found == file.partition_values.end() || !found->second || found->second->empty()) return Value(type);
  return Value(*found->second).DefaultCastAs(type);
}

std::vector<std::shared_ptr<const table::DataFile>> FilePruner::Keep(
    const std::vector<std::shared_ptr<const table::DataFile>>& files,
    const duckdb::vector<duckdb::unique_ptr<Expression>>& filters) {
  std::vector<std::shared_ptr<const table::DataFile>> kept = files;
  for (const auto& filter : filters) {
    if (filter->IsVolatile()) continue;
    if (IsOnPartitionColumns(*filter)) {
      std::map<PartitionValues, bool> known;
      std::erase_if(kept, [&](const auto& file) {
        const auto [entry, is_new] = known.try_emplace(file->partition_values, true);
        if (is_new) entry->second = PartitionMayMatch(*filter, *file);
        return !entry->second;
      });
    } else {
      std::erase_if(kept, [&](const auto& file) { return !MayMatch(*filter, *file); });
    }
  }
  return kept;
}

const engine::Field* FilePruner::ColumnOf(const Expression& expression) const {
  if (expression.GetExpressionClass() != ExpressionClass::BOUND_COLUMN_REF) return nullptr;
  const auto& reference = expression.Cast<duckdb::BoundColumnRefExpression>();
  if (reference.depth > 0 || reference.binding.table_index != table_index_) return nullptr;
  if (reference.binding.column_index >= columns_.size()) return nullptr;
  const duckdb::column_t column = columns_[reference.binding.column_index];
  return column < view_.schema.fields.size() ? &view_.schema.fields[column] : nullptr;
}

bool FilePruner::IsOnPartitionColumns(const Expression& expression) const {
  if (expression.GetExpressionClass() == ExpressionClass::BOUND_COLUMN_REF) {
    const engine::Field* field = ColumnOf(expression);
    return field != nullptr && view_.IsPartitionColumn(field->name);
  }
  if (expression.GetExpressionClass() == ExpressionClass::BOUND_SUBQUERY ||
      expression.GetExpressionClass() == ExpressionClass::BOUND_PARAMETER)
    return false;
  bool all = true;
  duckdb::ExpressionIterator::EnumerateChildren(
      expression, [&](const Expression& child) { all = all && IsOnPartitionColumns(child); });
  return all;
}

void FilePruner::BindPartition(duckdb::unique_ptr<Expression>& expression, const table::DataFile& file) const {
  if (const engine::Field* field = ColumnOf(*expression)) {
    expression = duckdb::make_uniq<duckdb::BoundConstantExpression>(PartitionValue(*field, file));
    return;
  }
  duckdb::ExpressionIterator::EnumerateChildren(
      *expression, [&](duckdb::unique_ptr<Expression>& child) { BindPartition(child, file); });
}

bool FilePruner::PartitionMayMatch(const Expression& expression, const table::DataFile& file) {
  auto bound = expression.Copy();
  BindPartition(bound, file);
  Value result;
  // What fails to compute here is left to the scan to report, or to never reach.
  if (!bound->IsFoldable() || !duckdb::ExpressionExecutor::TryEvaluateScalar(context_, *bound, result)) return true;
  if (result.IsNull()) return false;
  return result.type().id() != duckdb::LogicalTypeId::BOOLEAN || duckdb::BooleanValue::Get(result);
}

bool FilePruner::MayMatch(const Expression& expression, const table::DataFile& file) {
  switch (expression.GetExpressionClass()) {
    case ExpressionClass::BOUND_CONJUNCTION: {
      const auto& children = expression.Cast<duckdb::BoundConjunctionExpression>().children;
      const auto may_match = [&](const auto& child) { return MayMatch(*child, file); };
      return expression.GetExpressionType() == ExpressionType::CONJUNCTION_AND
                 ? std::all_of(children.begin(), children.end(), may_match)
                 : std::any_of(children.begin(), children.end(), may_match);
    }
    case ExpressionClass::BOUND_COMPARISON: {
      const auto& comparison = expression.Cast<duckdb::BoundComparisonExpression>();
      return ComparisonMayMatch(*comparison.left, *comparison.right, comparison.GetExpressionType(), file);
    }
    case ExpressionClass::BOUND_BETWEEN: {
      const auto& between = expression.Cast<duckdb::BoundBetweenExpression>();
      return ComparisonMayMatch(*between.input, *between.lower, between.LowerComparisonType(), file) &&
             ComparisonMayMatch(*between.input, *between.upper, between.UpperComparisonType(), file);
    }
    case ExpressionClass::BOUND_OPERATOR: {
      const auto& children = expression.Cast<duckdb::BoundOperatorExpression>().children;
      switch (expression.GetExpressionType()) {
        case ExpressionType::OPERATOR_IS_NULL:
          return NullTestMayMatch(*children[0], true, file);
        case ExpressionType::OPERATOR_IS_NOT_NULL:
          return NullTestMayMatch(*children[0], false, file);
        case ExpressionType::COMPARE_IN:
          return InMayMatch(expression, file);
        default:
          return true;
      }
    }
    default:
      return true;
  }
}

bool FilePruner::ComparisonMayMatch(const Expression& left, const Expression& right, ExpressionType comparison,
                                    const table::DataFile& file) {
  const engine::Field* field = ColumnOf(left);
  const Value* constant = ConstantOf(right);
  if (field == nullptr && ConstantOf(left) != nullptr && ColumnOf(right) != nullptr)
    return ComparisonMayMatch(right, left, duckdb::FlipComparisonExpression(comparison), file);
  if (field == nullptr || constant == nullptr || constant->IsNull() || constant->type() != SqlType(*field)) return true;
  if (view_.IsPartitionColumn(field->name)) {
    const Value value = PartitionValue(*field, file);
    return value.IsNull() ? comparison == ExpressionType::COMPARE_DISTINCT_FROM
                          : RangeMayMatch(value, value, comparison, *constant);
  }
  const auto found = file.statistics.find(field->name);
  if (found == file.statistics.end() || !HasOrderedBounds(*field)) return true;
  const table::ColumnStatistics& statistics = found->second;
  if (statistics.null_count && file.record_count >= 0 && *statistics.null_count == file.record_count)
    return comparison == ExpressionType::COMPARE_DISTINCT_FROM;
  // NaN is above every number in SQL, and no bound tells of it.
  const bool max_holds = !IsFloating(*field) || statistics.has_nan == false;
  return RangeMayMatch(Bound(*field, statistics.min), max_holds ? Bound(*field, statistics.max) : Value(), comparison,
                       *constant);
}

bool FilePruner::NullTestMayMatch(const Expression& operand, bool is_null, const table::DataFile& file) {
  const engine::Field* field = ColumnOf(operand);
  if (field == nullptr) return true;
  if (view_.IsPartitionColumn(field->name)) return PartitionValue(*field, file).IsNull() == is_null;
  const auto found = file.statistics.find(field->name);
  if (found == file.statistics.end() || !found->second.null_count) return true;
  const int64_t nulls = *found->second.null_count;
  return is_null ? nulls > 0 : file.record_count < 0 || nulls < file.record_count;
}

bool FilePruner::InMayMatch(const Expression& expression, const table::DataFile& file) {
  const auto& children = expression.Cast<duckdb::BoundOperatorExpression>().children;
  for (size_t i = 1; i < children.size(); ++i)
    if (ComparisonMayMatch(*children[0], *children[i], ExpressionType::COMPARE_EQUAL, file)) return true;
  return false;
}

}  // namespace tarn::lake
