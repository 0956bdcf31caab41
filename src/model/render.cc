#include "model/render_internal.h"

#include <charconv>

namespace tarn::model {
namespace {

using engine::QuoteIdentifier;
using engine::QuoteLiteral;
using jinja::Value;

// A model's SQL may end with a semicolon; a subquery may not.
std::string WithoutSemicolon(std::string sql) {
  const size_t end = sql.find_last_not_of(" \t\r\n;");
  sql.resize(end == std::string::npos ? 0 : end + 1);
  return sql;
}

// One value of a result, typed as templates need it.
Value TypedValue(const std::optional<std::string>& text, const std::string& type) {
  if (!text) return Value::None();
  if (type == "BOOLEAN") return Value(*text == "true");
  int64_t whole = 0;
  const char* end = text->data() + text->size();
  if (type.ends_with("INT") || type == "INTEGER" || type == "UINTEGER") {
    if (std::from_chars(text->data(), end, whole).ptr == end) return Value(whole);
  }
  double number = 0;
  if (type == "DOUBLE" || type == "FLOAT") {
    if (std::from_chars(text->data(), end, number).ptr == end) return Value(number);
  }
  return Value(*text);
}

// A column of what run_query() gives, as agate has it: name and values().
class QueryColumn final : public jinja::Object {
 public:
  QueryColumn(std::string name, jinja::List values) : name_(std::move(name)), values_(std::move(values)) {}

  std::string type_name() const override { return "column"; }
  std::optional<Value> Attribute(std::string_view name) override {
    if (name == "name") return Value(name_);
    if (name != "values") return std::nullopt;
    return Value::Of("values", [values = values_](jinja::Runtime&, const jinja::Arguments&) -> Result<Value> {
      return Value(values);
    });
  }
  std::optional<jinja::List> Iterate() override { return values_; }
  std::optional<size_t> Length() override { return values_.size(); }

 private:
  std::string name_;
  jinja::List values_;
};

// What run_query() gives: rows, columns, column_names.
class QueryTable final : public jinja::Object {
 public:
  QueryTable(std::vector<std::string> names, std::vector<jinja::List> rows)
      : names_(std::move(names)), rows_(std::move(rows)) {}

  std::string type_name() const override { return "table"; }
  std::optional<Value> Attribute(std::string_view name) override {
    if (name == "rows") return Value(Rows());
    if (name == "column_names") return Value(jinja::List(names_.begin(), names_.end()));
    if (name == "columns") return Value(Columns());
    return std::nullopt;
  }
  std::optional<jinja::List> Iterate() override { return Rows(); }
  std::optional<size_t> Length() override { return rows_.size(); }
  bool Truth() override { return !rows_.empty(); }

 private:
  jinja::List Rows() const {
    jinja::List rows;
    for (const jinja::List& row : rows_) rows.push_back(Value::Tuple(row));
    return rows;
  }
  jinja::List Columns() const {
    jinja::List columns;
    for (size_t i = 0; i < names_.size(); ++i) {
      jinja::List values;
      for (const jinja::List& row : rows_) values.push_back(row[i]);
      columns.push_back(Value(std::make_shared<QueryColumn>(names_[i], std::move(values))));
    }
    return columns;
  }

  std::vector<std::string> names_;
  std::vector<jinja::List> rows_;
};

// One render of a build. Ephemeral models that it refers to are rendered by renderers of their own and become its CTEs.
class BuildTarget final : public RenderTarget {
 public:
  BuildTarget(const RenderSession& session, const Node& node, bool incremental)
      : session_(session), node_(node), config_(node.config), incremental_(incremental) {}

  Result<RenderedNode> Render() {
    TARN_ASSIGN_OR_RETURN(std::string sql, RenderNode(session_.project, node_, *this));
    sql = WithoutSemicolon(std::move(sql));
    std::string with;
    for (const auto& [name, query] : ctes_) with += (with.empty() ? "with " : ",\n") + name + " as (\n" + query + "\n)";
    // The model may have a WITH of its own, so it becomes a subquery of ours.
    rendered_.sql = with.empty() ? sql : with + "\nselect * from (\n" + sql + "\n)";
    return std::move(rendered_);
  }

  bool executing() const override { return true; }
  const NodeConfig& config() const override { return config_; }
  Status SetConfig(const std::string& key, const Value& value) override {
    return ApplyConfig(node_.info.kind, key, value, config_);
  }
  bool IsIncremental() override { return incremental_; }

  Result<Value> Ref(const std::string& name, const std::string&) override {
    const Node* model = session_.project.FindModel(name);
    if (model == nullptr) return UnknownModel(session_.project, name);
    if (!node_.upstream.contains(model->info.unique_id)) {
      return Error(ErrorCode::kInvalidArgument,
                   "ref('" + name +
                       "') was not there when the project was read, so the order of models does not know "
                       "it; add the line: -- depends_on: {{ ref('" +
                       name + "') }}");
    }
    if (model->config.materialization == Materialization::kEphemeral) {
      TARN_TRY(AddEphemeral(*model));
      return Value(Relation::Ephemeral(*model));
    }
    return Value(std::make_shared<Relation>(model->table(), model->info.unique_id));
  }

  Result<Value> FindSource(const std::string& source, const std::string& table, const std::string&) override {
    const Source* found = session_.project.FindSource(source, table);
    if (found == nullptr) return UnknownSource(session_.project, source, table);
    return Value(std::make_shared<Relation>(found->table, found->unique_id));
  }

  Result<Value> ChangedPartitions(const Relation& relation, const Value& since, const Value& until) override;
  Result<Value> RunQuery(const std::string& sql) override;

  Result<Value> FindRelation(const catalog::TableName& table) override {
    if (!session_.catalog.GetTable(table).ok() && !session_.catalog.GetView(table).ok()) return Value::None();
    return Value(std::make_shared<Relation>(table, ""));
  }

  void Log(const std::string& message, bool warn) override {
    session_.logger.Log(warn ? LogLevel::kWarn : LogLevel::kInfo, "model", message, {{"node", node_.info.unique_id}});
  }

 private:
  Status AddEphemeral(const Node& model) {
    const std::string name = Relation::Ephemeral(model)->Sql();
    for (const auto& [known, query] : ctes_) {
      if (known == name) return Ok();
    }
    BuildTarget inner(session_, model, /*incremental=*/false);
    inner.ctes_ = std::move(ctes_);
    auto sql = RenderNode(session_.project, model, inner);
    ctes_ = std::move(inner.ctes_);
    if (!sql.ok()) return std::move(sql).error();
    ctes_.emplace_back(name, WithoutSemicolon(std::move(*sql)));
    return Ok();
  }

  // The source's changes that this model's table has not taken yet, as SQL; nothing when that cannot be told.
  Result<std::optional<std::string>> ChangesSinceLastBuild(const Relation& relation);
  Result<Value> ListPartitions(const std::string& sql);

  const RenderSession& session_;
  const Node& node_;
  NodeConfig config_;
  const bool incremental_;
  std::vector<std::pair<std::string, std::string>> ctes_;
  RenderedNode rendered_;
};

Result<std::optional<std::string>> BuildTarget::ChangesSinceLastBuild(const Relation& relation) {
  const std::optional<std::string> unknown;
  const std::string table = QuoteLiteral(relation.table().ToString());
  TARN_ASSIGN_OR_RETURN(
      const auto progress,
      session_.connection.QueryText("SELECT tarn_table_progress(" + QuoteLiteral(node_.table().ToString()) + ", " +
                                    QuoteLiteral(ProgressKey(relation.table())) + ") AS taken, tarn_table_version(" +
                                    table + ") AS version, taken > version"));
  const auto& row = progress.at(0);
  // No progress: built before this source was read. Ahead of the table: it was dropped and made anew.
  if (!row[0] || !row[1] || row[2] == "true") return unknown;
  return std::optional("SELECT * FROM tarn_changed_partitions(" + table + ", " + *row[0] + ")");
}

Result<Value> BuildTarget::ChangedPartitions(const Relation& relation, const Value& since, const Value& until) {
  const Node* model = session_.project.FindNode(relation.unique_id());
  const bool is_table = model == nullptr || model->config.materialization == Materialization::kTable ||
                        model->config.materialization == Materialization::kIncremental;
  if (!is_table) {
    return Error(ErrorCode::kInvalidArgument, "changed_partitions() needs a table, and '" + model->info.name +
                                                  "' is none; name the table or source that it reads");
  }
  rendered_.asks_for_changes = true;
  const bool bounded = !since.IsNone() || !until.IsNone();
  if (!bounded) {
    TARN_ASSIGN_OR_RETURN(const auto changes, ChangesSinceLastBuild(relation));
    if (changes) return ListPartitions(*changes);
    rendered_.changes_unknown = true;
    return Value("NULL");
  }
  rendered_.bounded = true;
  const std::string all =
      "SELECT * FROM tarn_changed_partitions(" + QuoteLiteral(relation.table().ToString()) + ", -1)";
  TARN_ASSIGN_OR_RETURN(const auto columns, DescribeColumns(session_.connection, all));
  if (columns.size() != 1) {
    return Error(ErrorCode::kInvalidArgument,
                 "a range in changed_partitions() needs a table with one partition column; " +
                     relation.table().ToString() + " has " + std::to_string(columns.size()));
  }
  const std::string name = QuoteIdentifier(columns[0].first);
  std::string where = " WHERE true";
  for (const auto& [bound, comparison] : {std::pair{&since, " >= "}, std::pair{&until, " <= "}}) {
    if (bound->IsNone()) continue;
    TARN_ASSIGN_OR_RETURN(const std::string text, bound->ToString());
    where += " AND " + name + comparison + QuoteLiteral(text) + "::" + columns[0].second;
  }
  std::string in_range = "SELECT " + name + " FROM (" + all + ")" + where;
  // A date of the range that the source has lost must go from this table too.
  if (incremental_ && node_.config.partition_by == std::vector<std::string>{columns[0].first}) {
    in_range += " UNION SELECT DISTINCT " + name + " FROM " + Relation(node_.table(), "").Sql() + where;
  }
  return ListPartitions(in_range);
}

// Remembers the partitions, and gives them as a list for IN (…): literals, so that files are pruned when the plan is
// made.
Result<Value> BuildTarget::ListPartitions(const std::string& sql) {
  TARN_ASSIGN_OR_RETURN(const auto columns, DescribeColumns(session_.connection, sql));
  if (columns.empty()) {
    rendered_.changes_unknown = true;
    return Value("NULL");
  }
  TARN_ASSIGN_OR_RETURN(const auto rows, session_.connection.QueryText(sql + " ORDER BY ALL"));
  std::string list;
  for (const auto& row : rows) {
    PartitionValues values;
    std::string literal;
    for (size_t i = 0; i < columns.size(); ++i) {
      values[columns[i].first] = row[i];
      // NULL is in no list.
      if (!row[i]) rendered_.changes_unknown = true;
      literal += (i == 0 ? "" : ", ") + QuoteLiteral(row[i].value_or("")) + "::" + columns[i].second;
    }
    list += (list.empty() ? "" : ", ") + (columns.size() == 1 ? literal : "(" + literal + ")");
    rendered_.changed.insert(std::move(values));
  }
  return Value(list.empty() ? "NULL" : list);
}

Result<Value> BuildTarget::RunQuery(const std::string& sql) {
  const auto columns = DescribeColumns(session_.connection, WithoutSemicolon(sql));
  if (!columns.ok()) {  // no SELECT, or a wrong one: running it tells which
    TARN_TRY(session_.connection.Execute(sql));
    return Value::None();
  }
  TARN_ASSIGN_OR_RETURN(const auto rows, session_.connection.QueryText(sql));
  std::vector<std::string> names;
  for (const auto& [name, type] : *columns) names.push_back(name);
  std::vector<jinja::List> typed;
  for (const auto& row : rows) {
    jinja::List values;
    for (size_t i = 0; i < row.size(); ++i) values.push_back(TypedValue(row[i], (*columns)[i].second));
    typed.push_back(std::move(values));
  }
  return Value(std::make_shared<QueryTable>(std::move(names), std::move(typed)));
}

}  // namespace

Result<RenderedNode> Render(const RenderSession& session, const Node& node, bool incremental) {
  return BuildTarget(session, node, incremental).Render();
}

std::string ProgressKey(const catalog::TableName& source) {
  return "model:" + source.ToString();
}

Result<std::vector<std::pair<std::string, std::string>>> DescribeColumns(engine::Connection& connection,
                                                                         const std::string& sql) {
  TARN_ASSIGN_OR_RETURN(const auto rows, connection.QueryText("DESCRIBE " + sql));
  std::vector<std::pair<std::string, std::string>> columns;
  for (const auto& row : rows) columns.emplace_back(row.at(0).value_or(""), row.at(1).value_or(""));
  return columns;
}

Result<std::optional<int64_t>> ReadTableVersion(engine::Connection& connection, const catalog::TableName& table) {
  TARN_ASSIGN_OR_RETURN(const auto rows,
                        connection.QueryText("SELECT tarn_table_version(" + QuoteLiteral(table.ToString()) + ")"));
  const auto& text = rows.at(0).at(0);
  if (!text) return std::optional<int64_t>();
  int64_t version = 0;
  std::from_chars(text->data(), text->data() + text->size(), version);
  return std::optional(version);
}

}  // namespace tarn::model
