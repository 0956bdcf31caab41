#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "model/jinja/template.h"

// Renders each template of standard input for tests/integration/jinja_test.py, which compares the output with Jinja2's.
//
// A template comes as "<length in bytes>\n<text>"; the answer to each is "ok <length>\n<text>" or "error
// <length>\n<message>".

namespace tarn::model::jinja {
namespace {

// The same names as the Python side gives to its templates.
Globals TestGlobals() {
  return {{"user", Value(Dict{{"name", "Ada"}, {"age", 36}, {"tags", Value(List{"x", "y"})}})},
          {"users", Value(List{Value(Dict{{"name", "Ada"}, {"age", 36}, {"city", "London"}}),
                               Value(Dict{{"name", "bob"}, {"age", 25}, {"city", "Paris"}}),
                               Value(Dict{{"name", "Cid"}, {"age", 61}, {"city", "London"}})})},
          {"columns", Value(List{"id", "user_id", "amount"})},
          {"nothing", Value()},
          {"text", "Hello, World"},
          {"number", 42},
          {"real", 3.25},
          {"words", Value(List{"pear", "Apple", "fig", "apple"})},
          {"numbers", Value(List{3, 1, 2, 3})},
          {"nested", Value(List{Value(List{1, 2}), Value(List{3, Value(List{4})})})},
          {"mixed", Value(Dict{{"b", 2}, {"a", 1}, {"C", 3}})},
          {"tree",
           Value(List{Value(Dict{{"n", "a"}, {"kids", Value(List{Value(Dict{{"n", "b"}, {"kids", Value(List())}})})}}),
                      Value(Dict{{"n", "c"}, {"kids", Value(List())}})})},
          {"pair", Value::Tuple({1, "two"})},
          {"empty", Value(List())},
          {"umlaut", "Größe"}};
}

void Answer(const char* how, const std::string& text) {
  std::cout << how << ' ' << text.size() << '\n' << text;
}

void RenderOne(const std::string& text, const Globals& globals) {
  const auto parsed = Template::Parse(text, "t");
  if (!parsed.ok()) return Answer("error", parsed.error().ToString());
  const Result<std::string> out = (*parsed)->Render(Context{.globals = &globals});
  out.ok() ? Answer("ok", *out) : Answer("error", out.error().ToString());
}

}  // namespace
}  // namespace tarn::model::jinja

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::string text(std::stoul(line), '\0');
    std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
    tarn::model::jinja::RenderOne(text, tarn::model::jinja::TestGlobals());
  }
  return 0;
}
