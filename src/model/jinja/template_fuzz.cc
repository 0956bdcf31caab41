#include <string_view>

#include "model/jinja/template.h"

// Any bytes: parsing and rendering end, within the limits.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn::model::jinja;
  const auto parsed = Template::Parse(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  if (!parsed.ok()) return 0;
  const Globals globals = {{"list", Value(List{1, "two", Value(List{3})})},
                           {"dict", Value(Dict{{"a", 1}, {"b", Value(List())}})}};
  const Context context{&globals, nullptr, {.output_bytes = 1 << 16, .work = 20'000, .depth = 300}};
  (void)(*parsed)->Render(context);
  return 0;
}
