#include "cli/project_file.h"

#include <set>

#include "base/yaml.h"
#include "cli/type_syntax.h"
#include "cli/yaml_reader_internal.h"

namespace tarn::cli {
namespace {

using Kind = YamlNode::Kind;

// One `tarn.yml` being read; each method takes one section.
class ProjectReader {
 public:
  ProjectReader(const YamlNode& root, const std::string& file) : root_(root), file_(file) {}

  Result<ProjectFile> Read(const std::string& directory) {
    project_.directory = directory;
    MappingReader top(root_, file_, "the file");
    top.Required("name", &project_.name);
    project_.name_space = project_.name;
    top.Text("namespace", &project_.name_space);
    ReadBroker(top);
    int64_t kafka_port = project_.kafka_port, http_port = project_.http_port;
    const YamlNode* ports = top.Take("ports", Kind::kMapping);
    const YamlNode* topics = top.Take("topics", Kind::kMapping);
    const YamlNode* streams = top.Take("streams", Kind::kMapping);
    const YamlNode* generators = top.Take("generators", Kind::kMapping);
    top.ByteCount("memory", &project_.memory_bytes);
    top.Choice("compression", {"zstd", "snappy"}, &project_.compression);
    TARN_TRY(top.Finish());
    if (ports != nullptr) {
      MappingReader reader(*ports, file_, "ports");
      reader.Integer("kafka", 1, 65535, &kafka_port);
      reader.Integer("http", 1, 65535, &http_port);
      TARN_TRY(reader.Finish());
    }
    project_.kafka_port = uint16_t(kafka_port);
    project_.http_port = uint16_t(http_port);
    if (topics != nullptr) TARN_TRY(ReadEach(*topics, &ProjectReader::ReadTopic));
    if (streams != nullptr) TARN_TRY(ReadEach(*streams, &ProjectReader::ReadStream));
    if (generators != nullptr) TARN_TRY(ReadEach(*generators, &ProjectReader::ReadGenerator));
    return std::move(project_);
  }

 private:
  using ReadOne = Status (ProjectReader::*)(const std::string& name, const YamlNode& node);
  Status ReadEach(const YamlNode& mapping, ReadOne read) {
    for (const auto& [name, node] : mapping.entries) TARN_TRY((this->*read)(name, node));
    return Ok();
  }

  void ReadBroker(MappingReader& top) {
    const YamlNode* node = top.Take("broker", Kind::kScalar);
    if (node == nullptr || node->text == "embedded") return;
    constexpr std::string_view kScheme = "kafka://";
    if (node->text.starts_with(kScheme) && node->text.find(':', kScheme.size()) != std::string::npos)
      project_.kafka = node->text.substr(kScheme.size());
    else
      top.Fail(*node, "broker: '" + node->text + "' must be embedded or kafka://host:port[,host:port…]");
  }

  Status ReadTopic(const std::string& name, const YamlNode& node) {
    TopicSpec topic{.name = name};
    MappingReader reader(node, file_, "topic " + name);
    int64_t partitions = topic.partitions;
    reader.Integer("partitions", 1, 10'000, &partitions);
    topic.partitions = int(partitions);
    if (const YamlNode* config = reader.Take("config", Kind::kMapping)) {
      for (const auto& [key, value] : config->entries) {
        if (value.kind != Kind::kScalar) reader.Fail(value, key + " must be a value");
        topic.config[key] = value.text;
      }
    }
    TARN_TRY(reader.Finish());
    project_.topics.push_back(std::move(topic));
    return Ok();
  }

  // `name` must be a declared topic: a slip of the pen would otherwise be an empty topic that nobody writes.
  void CheckTopic(MappingReader& reader, const YamlNode& node, const std::string& name) {
    std::vector<std::string> names;
    for (const TopicSpec& topic : project_.topics) {
      if (topic.name == name) return;
      names.push_back(topic.name);
    }
    const auto nearest = NearestWord(name, names);
    reader.Fail(node, "topic '" + name + "' is not declared under topics" +
                          (nearest ? "; did you mean '" + *nearest + "'?" : ""));
  }

  Status ReadStream(const std::string& name, const YamlNode& node) {
    StreamSpec spec;
    stream::StreamOptions& options = spec.options;
    options.name = name;
    options.key_column.clear();
    options.time_column.clear();
    options.compression = project_.compression;
    MappingReader reader(node, file_, "stream " + name);
    reader.Required("topic", &options.topic);
    if (const YamlNode* topic = node.Find("topic")) CheckTopic(reader, *topic, options.topic);
    reader.Required("table", &spec.table);
    const YamlNode* columns = reader.Take("columns", Kind::kMapping);
    if (columns == nullptr)
      reader.Fail(node, "stream " + name + " needs the key 'columns': the fields of its records and their types");
    else
      ReadColumns(reader, *columns, &options.input);
    options.sql = "SELECT * FROM batch";
    reader.Text("sql", &options.sql);
    reader.TextList("partition_by", &spec.partition_by);
    reader.TextList("not_null", &spec.not_null);
    CheckedColumn(reader, node, "deduplicate_by", options.input, &options.key_column);
    CheckedColumn(reader, node, "event_time", options.input, &options.time_column);
    ReadStreamLimits(reader, &options);
    const YamlNode* dead_letters = reader.Take("dead_letters", Kind::kMapping);
    spec.dead_letter_table = spec.table + "_errors";
    TARN_TRY(reader.Finish());
    if (dead_letters != nullptr) {
      MappingReader letters(*dead_letters, file_, "dead_letters");
      letters.Text("topic", &spec.dead_letter_topic);
      if (const YamlNode* topic = dead_letters->Find("topic")) CheckTopic(letters, *topic, spec.dead_letter_topic);
      letters.Text("table", &spec.dead_letter_table);
      TARN_TRY(letters.Finish());
    }
    project_.streams.push_back(std::move(spec));
    return Ok();
  }

  void ReadColumns(MappingReader& reader, const YamlNode& columns, engine::Schema* schema) {
    for (const auto& [column, type] : columns.entries) {
      if (type.kind != Kind::kScalar) return reader.Fail(type, "column " + column + " must have a type");
      const auto parsed = ParseColumnType(type.text);
      if (!parsed.ok()) return reader.Fail(type, "column " + column + ": " + parsed.error().message());
      schema->fields.push_back({.name = column, .type = parsed->type, .nullable = parsed->nullable});
    }
  }

  void CheckedColumn(MappingReader& reader, const YamlNode& node, const std::string& key, const engine::Schema& input,
                     std::string* out) {
    reader.Text(key, out);
    if (out->empty() || input.IndexOf(*out) >= 0) return;
    std::vector<std::string> names;
    for (const auto& field : input.fields) names.push_back(field.name);
    const auto nearest = NearestWord(*out, names);
    reader.Fail(*node.Find(key),
                key + ": no column '" + *out + "' in columns" + (nearest ? "; did you mean '" + *nearest + "'?" : ""));
  }

  void ReadStreamLimits(MappingReader& reader, stream::StreamOptions* options) {
    std::string start = "earliest", on_lost = "stop";
    reader.Choice("start", {"earliest", "latest"}, &start);
    reader.Choice("on_lost_offsets", {"stop", "earliest", "latest"}, &on_lost);
    options->start = start == "latest" ? stream::StartOffset::kLatest : stream::StartOffset::kEarliest;
    options->on_lost_offsets = on_lost == "earliest" ? stream::OnLostOffsets::kEarliest
                               : on_lost == "latest" ? stream::OnLostOffsets::kLatest
                                                     : stream::OnLostOffsets::kStop;
    reader.Duration("commit_interval", &options->commit_interval);
    reader.Duration("allowed_lateness", &options->allowed_lateness);
    reader.Duration("watermark_delay", &options->watermark_delay);
    reader.Duration("future_tolerance", &options->future_tolerance);
    int64_t batch_rows = int64_t(options->batch_rows_max), threads = options->decode_threads;
    reader.Integer("batch_rows", 1, 10'000'000, &batch_rows);
    reader.Integer("decode_threads", 0, 256, &threads);
    options->batch_rows_max = uint64_t(batch_rows);
    options->decode_threads = int(threads);
    reader.ByteCount("batch_bytes", &options->batch_bytes_max);
    reader.ByteCount("queue_bytes", &options->queue_bytes_max);
    reader.ByteCount("deduplication_bytes", &options->deduplication_bytes_max);
    reader.Choice("compression", {"zstd", "snappy"}, &options->compression);
  }

  Status ReadGenerator(const std::string& name, const YamlNode& node) {
    GeneratorSpec spec{.name = name};
    MappingReader reader(node, file_, "generator " + name);
    std::string kind = "clickstream", mode = "realistic";
    reader.Choice("kind", {"clickstream"}, &kind);
    reader.Required("topic", &spec.topic);
    if (const YamlNode* topic = node.Find("topic")) CheckTopic(reader, *topic, spec.topic);
    reader.Number("rate", 0, 10'000'000, &spec.rate);
    int64_t seed = int64_t(spec.options.seed), count = 0;
    reader.Integer("seed", 0, INT64_MAX, &seed);
    reader.Integer("count", 0, INT64_MAX, &count);
    spec.options.seed = uint64_t(seed);
    spec.options.count = uint64_t(count);
    if (spec.rate == 0 && count == 0)
      reader.Fail(node, "generator " + name + " with rate 0 (as fast as possible) needs a count");
    reader.Choice("mode", {"realistic", "original"}, &mode);
    if (mode == "original") {
      spec.options.mode = generate::ClickstreamMode::kOriginal;
      spec.options.late_rate = spec.options.too_late_rate = 0;
      spec.options.duplicate_rate = spec.options.malformed_rate = 0;
    }
    reader.Number("late_rate", 0, 1, &spec.options.late_rate);
    reader.Number("too_late_rate", 0, 1, &spec.options.too_late_rate);
    reader.Number("duplicate_rate", 0, 1, &spec.options.duplicate_rate);
    reader.Number("malformed_rate", 0, 1, &spec.options.malformed_rate);
    TARN_TRY(reader.Finish());
    project_.generators.push_back(std::move(spec));
    return Ok();
  }

  const YamlNode& root_;
  const std::string& file_;
  ProjectFile project_;
};

}  // namespace

Result<ProjectFile> ParseProjectFile(std::string_view text, const std::string& file, const std::string& directory) {
  TARN_ASSIGN_OR_RETURN(const YamlNode root, ParseYaml(text, file));
  return ProjectReader(root, file).Read(directory);
}

Result<ProjectFile> LoadProjectFile(FileSystem& file_system, const std::string& directory) {
  const std::string path = directory + "/tarn.yml";
  const auto text = ReadFile(file_system, path, 1 << 20);
  if (text.Is(ErrorCode::kNotFound))
    return Error(ErrorCode::kNotFound, "there is no tarn.yml in " + directory +
                                           ": name a project folder with --project, or make one with `tarn init " +
                                           directory + "`");
  if (!text.ok()) return text.error();
  return ParseProjectFile(*text, directory == "." ? "tarn.yml" : path, directory);
}

}  // namespace tarn::cli
