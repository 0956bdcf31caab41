#include "model/jinja/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace tarn::model::jinja {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::shared_ptr<const Template> Parsed(std::string_view text, const std::string& file = "models/a.sql",
                                       const Syntax& syntax = {}) {
  auto parsed = Template::Parse(text, file, syntax);
  EXPECT_TRUE(parsed.ok()) << (parsed.ok() ? "" : parsed.error().ToString());
  return parsed.ok() ? *parsed : nullptr;
}

Result<std::string> Rendered(std::string_view text, const Context& context = {}) {
  return Parsed(text)->Render(context);
}

std::string Text(std::string_view text, const Context& context = {}) {
  const Result<std::string> out = Rendered(text, context);
  return out.ok() ? *out : "error: " + out.error().ToString();
}

Error Failure(std::string_view text, const Context& context = {}) {
  const auto parsed = Template::Parse(text, "models/a.sql");
  if (!parsed.ok()) return parsed.error();
  const Result<std::string> out = (*parsed)->Render(context);
  return out.ok() ? Error(ErrorCode::kInternal, "rendered: " + *out) : out.error();
}

// exceptions.raise_compiler_error, ref() and a function that calls back, as a project would give them.
Globals ProjectGlobals() {
  Dict exceptions;
  exceptions.Set("raise_compiler_error",
                 Value::Of("raise_compiler_error", [](Runtime&, const Arguments& arguments) -> Result<Value> {
                   TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("raise_compiler_error", {"message"}, 1));
                   return Error(ErrorCode::kFailedPrecondition, bound[0].as_string());
                 }));
  return {{"exceptions", Value(std::move(exceptions))},
          {"ref", Value::Of("ref",
                            [](Runtime&, const Arguments& arguments) -> Result<Value> {
                              TARN_ASSIGN_OR_RETURN(const List bound, arguments.Bind("ref", {"model", "version"}, 1));
                              return Value("lake." + bound[0].as_string());
                            })},
          {"twice", Value::Of("twice",
                              [](Runtime& runtime, const Arguments& arguments) -> Result<Value> {
                                TARN_ASSIGN_OR_RETURN(const Value once,
                                                      runtime.Call(arguments.positional[0], Arguments{}));
                                return Value(once.as_string() + once.as_string());
                              })},
          {"attempt", Value::Of("attempt",
                                [](Runtime& runtime, const Arguments& arguments) -> Result<Value> {
                                  return Value(runtime.Call(arguments.positional[0], Arguments{}).ok() ? "worked"
                                                                                                       : "failed");
                                })},
          {"where", Value::Of("where", [](Runtime& runtime, const Arguments&) -> Result<Value> {
             return Value(runtime.Position());
           })}};
}

struct Project {
  Globals globals = ProjectGlobals();
  MacroLibrary library;
  Context context{&globals, &library, {}};

  void Add(std::string_view text, const std::string& file, const std::string& package, bool global = true) {
    const Status added = library.Add(Parsed(text, file), package, global);
    EXPECT_TRUE(added.ok()) << added.error().ToString();
  }
};

TEST(Jinja, CallablesTakePositionalAndKeywordArguments) {
  const Project project;
  EXPECT_EQ(Text("select * from {{ ref('orders') }}", project.context), "select * from lake.orders");
  EXPECT_EQ(Text("{{ ref(model='orders', version=2) }}", project.context), "lake.orders");
  EXPECT_EQ(Failure("{{ ref() }}", project.context).ToString(), "models/a.sql:1:4: ref() needs the argument 'model'");
  EXPECT_EQ(Failure("{{ ref('a', 1, 2) }}", project.context).ToString(),
            "models/a.sql:1:4: ref() takes at most 2 arguments, not 3");
  EXPECT_EQ(Failure("{{ ref('a', modle='b') }}", project.context).ToString(),
            "models/a.sql:1:4: ref() got an unknown argument 'modle'");
  EXPECT_EQ(Failure("{{ ref('a', model='b') }}", project.context).ToString(),
            "models/a.sql:1:4: ref() got two values for the argument 'model'");
}

TEST(Jinja, ACallablesErrorKeepsItsCodeAndTellsTheMacroStack) {
  Project project;
  project.Add("{% macro check(x) %}\n  {{ exceptions.raise_compiler_error('bad ' ~ x) }}\n{% endmacro %}",
              "macros/check.sql", "p");
  project.Add("{% macro outer() %}{{ check('value') }}{% endmacro %}", "macros/outer.sql", "p");
  const Error error = Failure("select 1\n, {{ outer() }}", project.context);
  EXPECT_EQ(error.code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(error.ToString(),
            "macros/check.sql:2:17: bad value\n"
            "  in macro check (macros/check.sql:1:1), called at macros/outer.sql:1:23\n"
            "  in macro outer (macros/outer.sql:1:1), called at models/a.sql:2:6");
}

TEST(Jinja, PositionsCountCharactersAndSurviveTagsOverManyLines) {
  EXPECT_THAT(Failure("ä {{ x.y }}").ToString(), StartsWith("models/a.sql:1:8: 'x' is undefined"));
  EXPECT_THAT(Failure("{# one\ntwo #}\n{% set a = [1,\n  b.c] %}").ToString(),
              StartsWith("models/a.sql:4:5: 'b' is undefined"));
  EXPECT_THAT(Failure("\n\n{% if 1 %}\n  {% for x in y.z %}{% endfor %}{% endif %}").ToString(),
              StartsWith("models/a.sql:4:17: "));
  EXPECT_THAT(Failure("{% if 1 %}\nx").ToString(), StartsWith("models/a.sql:1:1: '{% if %}' has no '{% endif %}'"));
  EXPECT_THAT(Failure("{% if 1 %}\n{% endfor %}").ToString(),
              StartsWith("models/a.sql:2:4: unknown tag 'endfor'; the innermost open tag is '{% if %}' of line 1"));
  EXPECT_THAT(Failure("a\n{{ 'x' | uper }}").ToString(),
              StartsWith("models/a.sql:2:10: No filter named 'uper', did you mean 'upper'?"));
  const Project project;
  EXPECT_EQ(Text("\n  {{ where() }}", project.context), "\n  models/a.sql:2:6");
}

TEST(Jinja, ReturnGivesAValueAndLeavesTheMacroAtOnce) {
  Project project;
  project.Add(
      "{% macro columns() %}text {{ return(['a', 'b']) }} never {{ exceptions.raise_compiler_error('no') }}{% endmacro "
      "%}",
      "m.sql", "p");
  project.Add("{% macro nothing() %}{% do return() %}{% endmacro %}", "n.sql", "p");
  project.Add(
      "{% macro nested() %}{% for x in [1, 2] %}{% if x == 2 %}{{ return(x * 10) }}{% endif %}{% endfor %}{% endmacro "
      "%}",
      "o.sql", "p");
  EXPECT_EQ(Text("{{ columns() | join('+') }} {{ columns()[1] }} {{ nothing() is none }} {{ nested() + 1 }}",
                 project.context),
            "a+b b True 21");
  EXPECT_THAT(Failure("{{ return(1) }}").ToString(), HasSubstr("models/a.sql:1:4: return() outside of a macro"));
}

TEST(Jinja, ReturnInACallBlockLeavesTheMacroThatCalledIt) {
  Project project;
  project.Add("{% macro run() %}before {{ caller() }} after{% endmacro %}", "m.sql", "p");
  EXPECT_EQ(Text("[{% call run() %}{{ return('value') }}{% endcall %}]", project.context), "[value]");
}

TEST(Jinja, MacrosOfALibraryAreGlobalAndInTheirPackage) {
  Project project;
  project.Add("{% macro a() %}mine{% endmacro %}", "macros/a.sql", "shop");
  project.Add("{% macro a() %}theirs{% endmacro %}{% macro star() %}*{% endmacro %}", "utils/a.sql", "dbt_utils",
              false);
  EXPECT_EQ(Text("{{ a() }} {{ shop.a() }} {{ dbt_utils.a() }} {{ dbt_utils.star() }}", project.context),
            "mine mine theirs *");
  EXPECT_THAT(Failure("{{ star() }}", project.context).ToString(), HasSubstr("'star' is undefined"));
  EXPECT_THAT(Failure("{{ dbt_utils.nope() }}", project.context).ToString(), HasSubstr("has no attribute 'nope'"));
  const Status again = project.library.Add(Parsed("\n{% macro a() %}{% endmacro %}", "macros/b.sql"), "shop");
  ASSERT_TRUE(again.Is(ErrorCode::kAlreadyExists));
  EXPECT_EQ(again.error().ToString(), "macros/b.sql:2:1: there is a macro 'a' already, in macros/a.sql:1");
}

TEST(Jinja, ATemplatesOwnNamesHideMacrosWhichHideGlobals) {
  Project project;
  project.Add("{% macro ref(x) %}macro {{ x }}{% endmacro %}", "m.sql", "p");
  EXPECT_EQ(Text("{{ ref('x') }}", project.context), "macro x");
  EXPECT_EQ(Text("{% set ref = 'set' %}{{ ref }}", project.context), "set");
}

TEST(Jinja, ALibrarysMacroSeesGlobalsButNotItsCallersVariables) {
  Project project;
  project.Add("{% macro f() %}{{ x }}|{{ ref('m') }}{% endmacro %}", "m.sql", "p");
  EXPECT_EQ(Text("{% set x = 1 %}{{ f() }}", project.context), "|lake.m");
}

TEST(Jinja, TestAndMaterializationBlocksAreMacros) {
  Project project;
  project.Add(
      "{% test positive(model, column) %}select * from {{ model }} where {{ column }} <= 0{% endtest %}"
      "{% materialization log, adapter='duckdb', supported_languages=['sql'] %}m{% endmaterialization %}",
      "m.sql", "p");
  EXPECT_EQ(Text("{{ test_positive('t', column='c') }} {{ materialization_log_duckdb() }}", project.context),
            "select * from t where c <= 0 m");
  const std::vector<MacroInfo> macros = project.library.Macros();
  ASSERT_EQ(macros.size(), 2U);
  EXPECT_EQ(macros[1].name, "test_positive");
  EXPECT_EQ(macros[1].parameters, (std::vector<std::string>{"model", "column"}));
}

TEST(Jinja, ACallableMayCallMacrosAndSurviveTheirFailure) {
  Project project;
  project.Add("{% macro ok() %}x{% endmacro %}{% macro bad() %}{{ nope.x }}{% endmacro %}", "m.sql", "p");
  EXPECT_EQ(Text("{{ twice(ok) }} {{ attempt(ok) }} {{ attempt(bad) }}", project.context), "xx worked failed");
  EXPECT_THAT(Failure("{{ attempt(bad) }}\n{{ y.z }}", project.context).ToString(),
              StartsWith("models/a.sql:2:6: 'y' is undefined"));
  EXPECT_THAT(Failure("{{ twice(bad) }}", project.context).ToString(), StartsWith("m.sql:1:"));
}

TEST(Jinja, EvaluateGivesTheValueOfALoneExpression) {
  EXPECT_EQ(Parsed(" {{ [1, 'x'] }} ")->Evaluate({})->items().size(), 2U);
  EXPECT_EQ(Parsed("{{ 1 }}{{ 2 }}")->Evaluate({})->as_string(), "12");
  EXPECT_EQ(Parsed("{{ 7 }}")->Evaluate({})->as_int(), 7);
  EXPECT_EQ(Parsed("{{ '7' | as_number }}")->Evaluate({})->as_int(), 7);
  EXPECT_TRUE(Parsed("{{ 'true' | as_bool }}")->Evaluate({})->as_bool());
  EXPECT_EQ(Parsed("x")->Evaluate({})->as_string(), "x");
  EXPECT_FALSE(Parsed("{{ a.b }}")->Evaluate({}).ok());
}

TEST(Jinja, CallMacroFromOutside) {
  Project project;
  project.Add("{% macro schema(name=none) %}{{ return(name or 'default') }}{% endmacro %}", "m.sql", "p");
  const Value macro = *project.library.Find("schema");
  EXPECT_EQ(CallMacro(macro, {}, project.context)->as_string(), "default");
  EXPECT_EQ(CallMacro(macro, Arguments{{Value("x")}, {}}, project.context)->as_string(), "x");
  EXPECT_FALSE(CallMacro(macro, Arguments{{1, 2}, {}}, project.context).ok());
}

TEST(Jinja, WhitespaceOptions) {
  const std::string text = "a\n  {% if true %}\nb\n  {%+ endif %}\n{# c #}\nd\n";
  EXPECT_EQ(*Parsed(text, "t", {.trim_blocks = true, .lstrip_blocks = true})->Render({}), "a\nb\n  d");
  EXPECT_EQ(*Parsed("a\n", "t", {.keep_trailing_newline = true})->Render({}), "a\n");
}

TEST(Jinja, WhatReadsOtherTemplatesIsRefusedByName) {
  for (const std::string tag :
       {"include 'x'", "import 'x' as y", "from 'x' import y", "extends 'x'", "block b", "snapshot s"}) {
    const Error error = Failure("\n{% " + tag + " %}");
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << tag;
    EXPECT_THAT(error.ToString(), StartsWith("models/a.sql:2:4: ")) << tag;
  }
}

// ----------------------------------------------------------------------------------------------------------------
// limits

TEST(JinjaLimits, EndlessRecursionFails) {
  const Error error = Failure("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}");
  EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(error.ToString(), HasSubstr("nested too deeply"));
  EXPECT_LT(error.ToString().size(), 4000U);
}

TEST(JinjaLimits, EndlessWorkFails) {
  const Context context{nullptr, nullptr, {.work = 100'000}};
  EXPECT_EQ(
      Failure("{% for a in range(1000) %}{% for b in range(1000) %}{% set c = a %}{% endfor %}{% endfor %}", context)
          .code(),
      ErrorCode::kResourceExhausted);
  EXPECT_EQ(Failure("{% set ns = namespace(s='x') %}{% for a in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
                    context)
                .code(),
            ErrorCode::kResourceExhausted);
}

TEST(JinjaLimits, TooMuchTextFails) {
  const Context context{nullptr, nullptr, {.output_bytes = 1000}};
  EXPECT_EQ(Failure("{% for a in range(1000) %}xx{% endfor %}", context).code(), ErrorCode::kResourceExhausted);
  for (const std::string text :
       {"{{ 'ab' * 1000000000 }}", "{{ [1] * 1000000000 }}", "{{ 'a'.ljust(1000000000) }}", "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}", "{{ range(1000000000) }}", "{{ 'a'.zfill(1000000000) }}",
        "{{ ('a' * 100000).replace('a', 'b' * 100000) }}", "{{ ('a' * 10000) | join('b' * 100000) }}",
        "{{ 'x' | indent(1000000000) }}"}) {
    EXPECT_EQ(Failure(text).code(), ErrorCode::kResourceExhausted) << text;
  }
}

TEST(JinjaLimits, DeepSourceIsRefused) {
  const auto repeated = [](std::string_view what, int times) {
    std::string out;
    for (int i = 0; i < times; i++) out += what;
    return out;
  };
  EXPECT_THAT(Failure("{{ " + repeated("(", 20'000) + "1" + repeated(")", 20'000) + " }}").ToString(),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(Failure("{{ " + repeated("[", 20'000) + repeated("]", 20'000) + " }}").ToString(),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(Failure("{{ " + repeated("not ", 20'000) + "1 }}").ToString(), HasSubstr("nested too deeply"));
  EXPECT_THAT(Failure("{{ " + repeated("-", 20'000) + "1 }}").ToString(), HasSubstr("nested too deeply"));
  EXPECT_THAT(Failure("{{ 1" + repeated("+1", 20'000) + " }}").ToString(), HasSubstr("nested too deeply"));
  EXPECT_THAT(Failure("{{ x" + repeated(".a", 20'000) + " }}").ToString(), HasSubstr("nested too deeply"));
  EXPECT_THAT(Failure(repeated("{% if 1 %}", 20'000)).ToString(), HasSubstr("nested too deeply"));
  EXPECT_EQ(Text("{{ 1" + repeated("~1", 1000) + " }}").size(), 1001U);
}

// Built from the outside in, a value gets past the limit on what is put into another; it is freed all the same.
TEST(JinjaLimits, DeepValuesAreFreedWithoutRecursion) {
  const auto deep = [](int levels) {
    return "{% set outer = [] %}{% set ns = namespace(l=outer) %}{% for x in range(" + std::to_string(levels) +
           ") %}{% set n = [] %}{% do ns.l.append(n) %}{% set ns.l = n %}{% endfor %}";
  };
  EXPECT_EQ(Text(deep(40'000) + "done"), "done");
  EXPECT_EQ(Failure(deep(1000) + "{{ outer }}").code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(Failure(deep(1000) + "{{ outer | tojson }}").code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(Failure(deep(1000) + "{{ outer == [outer] }}").code(), ErrorCode::kResourceExhausted);
  EXPECT_THAT(
      Failure("{% set ns = namespace(l=[]) %}{% for x in range(1000) %}{% set ns.l = [ns.l] %}{% endfor %}").ToString(),
      HasSubstr("nested too deeply"));
}

TEST(JinjaLimits, NothingComesToContainItself) {
  for (const std::string text :
       {"{% set x = [] %}{% do x.append(x) %}", "{% set x = {} %}{% do x.update(a=[x]) %}",
        "{% set x = [] %}{% do x.append((1, {'k': x})) %}", "{% set x = [] %}{% do x.append(x.append) %}",
        "{% set n = namespace() %}{% set n.x = n %}",
        "{% set x = [1] %}{% for y in x %}{% do x.append(loop) %}{% do loop.changed(loop) %}{% endfor %}",
        "{% set x = {} %}{% do x.setdefault('a', x) %}", "{% set x = [] %}{% do x.extend([[x]]) %}",
        "{% set x = {} %}{% do x.update(v=x.values()) %}"}) {
    EXPECT_THAT(Failure(text).ToString(), HasSubstr("cannot contain itself")) << text;
  }
}

TEST(JinjaLimits, IntegersThatDoNotFitAreErrors) {
  for (const std::string text :
       {"{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}", "{{ 3037000500 * 3037000500 }}",
        "{{ 2 ** 63 }}", "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}",
        "{{ (-9223372036854775807 - 1) | abs }}"}) {
    EXPECT_THAT(Failure(text).ToString(), HasSubstr("integer overflow")) << text;
  }
  EXPECT_EQ(Text("{{ (-9223372036854775807 - 1) % -1 }} {{ 2 ** 62 }}"), "0 4611686018427387904");
}

// ----------------------------------------------------------------------------------------------------------------
// values

TEST(JinjaValue, DictsKeepOrderThroughRemovalAndGrowth) {
  Dict dict;
  for (int i = 0; i < 100; i++) ASSERT_TRUE(dict.Set(Value(i), Value(i * 2)).ok());
  for (int i = 0; i < 100; i += 2) ASSERT_TRUE(dict.Remove(Value(i)).has_value());
  ASSERT_EQ(dict.size(), 50U);
  EXPECT_EQ(dict.entries()[10].first.as_int(), 21);
  for (int i = 0; i < 100; i++) EXPECT_EQ(dict.Find(Value(i)) != nullptr, i % 2 == 1) << i;
  EXPECT_EQ(dict.Find(Value(51.0))->as_int(), 102);
  while (dict.size() > 3) dict.Remove(dict.entries().back().first);
  EXPECT_EQ(dict.Find(Value(5))->as_int(), 10);
  EXPECT_FALSE(dict.Set(Value(List()), Value(1)).ok());
}

TEST(JinjaValue, ADeepCopySharesNothingThatChanges) {
  const Value original(List{Value(Dict{{"a", Value(List{1})}})});
  Value copy = original.DeepCopy();
  copy.mutable_list().emplace_back(2);
  EXPECT_EQ(original.items().size(), 1U);
  EXPECT_TRUE(*original.Equals(Value(List{Value(Dict{{"a", Value(List{1})}})})));
}

TEST(Jinja, OneTemplateRendersInManyThreads) {
  Project project;
  project.Add(
      "{% macro f(x) %}{% set s = [] %}{% for i in range(x) %}{% do s.append(i) %}{% endfor %}{{ return(s) }}{% "
      "endmacro %}",
      "m.sql", "p");
  const auto shared = Parsed("{% for i in range(20) %}{{ f(i) | sum }},{% endfor %}");
  const std::string expected = *shared->Render(project.context);
  std::vector<std::thread> threads;
  std::vector<int> wrong(8, 0);
  for (size_t t = 0; t < wrong.size(); t++) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; i++) wrong[t] += *shared->Render(project.context) == expected ? 0 : 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(8, 0));
}

}  // namespace
}  // namespace tarn::model::jinja
