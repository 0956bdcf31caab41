#include "model/jinja/template.h"

#include "model/jinja/interpreter_internal.h"
#include "model/jinja/loop_internal.h"
#include "model/jinja/text_internal.h"

namespace tarn::model::jinja {

Result<std::shared_ptr<const Template>> Template::Parse(std::string_view text, std::string file, const Syntax& syntax) {
  TARN_ASSIGN_OR_RETURN(std::unique_ptr<const Program> program, ParseProgram(text, std::move(file), syntax));
  return std::make_shared<const Template>(std::move(program));
}

const std::string& Template::file() const {
  return program_->file;
}
const std::vector<MacroInfo>& Template::macros() const {
  return program_->macro_infos;
}

Result<std::string> Template::Render(const Context& context) const {
  return Interpreter(program_, context).Render();
}

Result<Value> Template::Evaluate(const Context& context) const {
  const Expression* only = nullptr;
  bool single = true;
  for (const Statement& statement : program_->body) {
    if (const auto* print = std::get_if<Print>(&statement.node)) {
      single = single && only == nullptr;
      only = print->expression.get();
    } else {
      const auto* text = std::get_if<Text>(&statement.node);
      single = single && text != nullptr && Strip(text->text, "", true, false).empty();
    }
  }
  if (single && only != nullptr) return Interpreter(program_, context).EvaluateOnly(*only);
  TARN_ASSIGN_OR_RETURN(std::string text, Render(context));
  return Value(std::move(text));
}

// ----------------------------------------------------------------------------------------------------------------
// libraries

Status MacroLibrary::Add(std::shared_ptr<const Template> file, const std::string& package, bool global) {
  const std::shared_ptr<const Program>& program = file->program();
  for (const Macro* macro : program->macros) {
    const Value value(std::shared_ptr<Object>(std::make_shared<MacroObject>(program, *macro, nullptr, false)));
    for (MacroMap* map : {&packages_[package], global ? &global_ : nullptr}) {
      if (map == nullptr) continue;
      const auto [entry, added] = map->emplace(macro->name, value);
      if (added) continue;
      const auto& other = static_cast<const MacroObject&>(*entry->second.object());
      return TemplateError(program->file, macro->position,
                           "there is a macro '" + macro->name + "' already, in " + other.program()->file + ":" +
                               std::to_string(other.macro().position.line),
                           ErrorCode::kAlreadyExists);
    }
  }
  files_.push_back(std::move(file));
  return Ok();
}

std::optional<Value> MacroLibrary::Find(std::string_view name, std::string_view package) const {
  const MacroMap* map = &global_;
  if (!package.empty()) {
    const auto found = packages_.find(package);
    if (found == packages_.end()) return std::nullopt;
    map = &found->second;
  }
  const auto macro = map->find(name);
  return macro == map->end() ? std::nullopt : std::optional<Value>(macro->second);
}

bool MacroLibrary::HasPackage(std::string_view package) const {
  return !package.empty() && packages_.find(package) != packages_.end();
}

std::vector<MacroInfo> MacroLibrary::Macros(std::string_view package) const {
  std::vector<MacroInfo> infos;
  const auto found = packages_.find(package);
  const MacroMap* map = package.empty() ? &global_ : found == packages_.end() ? nullptr : &found->second;
  if (map == nullptr) return infos;
  for (const auto& [name, value] : *map) {
    const Macro& macro = static_cast<const MacroObject&>(*value.object()).macro();
    MacroInfo info{name, {}, macro.position.line};
    for (const Parameter& parameter : macro.parameters) info.parameters.push_back(parameter.name);
    infos.push_back(std::move(info));
  }
  return infos;
}

namespace {

// `dbt_utils` in {{ dbt_utils.star(…) }}.
class PackageObject final : public Object {
 public:
  PackageObject(const MacroLibrary& library, std::string package) : library_(library), package_(std::move(package)) {}
  std::string type_name() const override { return "package " + package_; }
  std::optional<Value> Attribute(std::string_view name) override { return library_.Find(name, package_); }

 private:
  const MacroLibrary& library_;
  std::string package_;
};

}  // namespace

Value PackageValue(const MacroLibrary& library, std::string package) {
  return Value(std::shared_ptr<Object>(std::make_shared<PackageObject>(library, std::move(package))));
}

Result<Value> CallMacro(const Value& macro, const Arguments& arguments, const Context& context) {
  static const auto kNoProgram = std::make_shared<const Program>(Program{"<call>", {}, {}, {}});
  return Interpreter(kNoProgram, context).CallFromOutside(macro, arguments);
}

}  // namespace tarn::model::jinja
