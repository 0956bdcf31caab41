#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/jinja/value.h"

// Jinja templates: text with {{ expressions }}, {% statements %} and {# comments #}, as Jinja2 3.1 reads them with the
// extensions that dbt turns on (do, break, continue, return(), {% test %} blocks). No include, import, extends or
// block: macros come from a library.

namespace tarn::model::jinja {

struct Program;  // a parsed template

// How whitespace around tags is kept. The defaults are Jinja2's and dbt's.
struct Syntax {
  bool trim_blocks = false;            // drop the newline after a statement or comment
  bool lstrip_blocks = false;          // drop blanks before a statement or comment that begins a line
  bool keep_trailing_newline = false;  // one newline at the end of the file is dropped otherwise
};

// Where a render stops with kResourceExhausted, so that every template ends.
struct Limits {
  size_t output_bytes = 64 << 20;
  size_t work = 100'000'000;  // expressions and statements evaluated, items made, and text made by 16 bytes
  int depth = 1000;           // nested expressions, statements and macro calls together
};

struct MacroInfo {
  std::string name;  // {% test unique(model) %} is the macro test_unique
  std::vector<std::string> parameters;
  int line = 0;
};

// Names and their values.
using Globals = std::map<std::string, Value, std::less<>>;

class MacroLibrary;

// What a template runs in. A name means, first hit: a variable or macro of the template, a macro of the library, a
// global, a package of the library (`dbt_utils.star`), a built-in function (range, dict, namespace, cycler, joiner,
// zip, return, …). Both outlive the render.
struct Context {
  const Globals* globals = nullptr;
  const MacroLibrary* library = nullptr;
  Limits limits;
};

// Immutable; thread-safe: one template can be rendered by many threads at once.
//
// Errors of Parse and Render begin with where: "models/a.sql:3:7: 'orders' is undefined", followed by a line for each
// macro that was running: "  in macro cents (macros/money.sql:2:4), called at models/a.sql:3:7". Errors of callables
// keep their code and message.
class Template {
 public:
  // kInvalidArgument: not a template. kUnsupported: include, import, extends, block.
  static Result<std::shared_ptr<const Template>> Parse(std::string_view text, std::string file,
                                                       const Syntax& syntax = {});
  explicit Template(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

  const std::string& file() const;
  // Its top-level macros, in order.
  const std::vector<MacroInfo>& macros() const;

  Result<std::string> Render(const Context& context) const;
  // The value of a template that is one {{ expression }} with at most blanks around; the rendered text of any other.
  // What dbt does with the strings of its YAML files.
  Result<Value> Evaluate(const Context& context) const;

  const std::shared_ptr<const Program>& program() const { return program_; }

 private:
  std::shared_ptr<const Program> program_;
};

// The macros of many files under one roof. Build it, then share it: immutable from then on, thread-safe.
class MacroLibrary {
 public:
  // Adds the file's top-level macros. They can be called as package.name and, if `global`, by name alone from
  // everywhere. kAlreadyExists: the package, or the global names, have a macro of that name already; the message names
  // both files.
  Status Add(std::shared_ptr<const Template> file, const std::string& package, bool global = true);

  // The macro as a value that a render with this library can call; nothing if there is none. `package` empty: among the
  // global ones.
  std::optional<Value> Find(std::string_view name, std::string_view package = {}) const;
  bool HasPackage(std::string_view package) const;
  std::vector<MacroInfo> Macros(std::string_view package = {}) const;

 private:
  using MacroMap = std::map<std::string, Value, std::less<>>;
  std::vector<std::shared_ptr<const Template>> files_;
  MacroMap global_;
  std::map<std::string, MacroMap, std::less<>> packages_;
};

// Calls a macro of the library, or any callable, as if from a template. A macro's value is what it gave to return(), or
// its text.
Result<Value> CallMacro(const Value& macro, const Arguments& arguments, const Context& context);

}  // namespace tarn::model::jinja
