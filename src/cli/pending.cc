#include "model/project.h"
#include "stream/stream.h"

// What the program waits for, so that it links meanwhile.

namespace tarn {
namespace stream {
Result<std::unique_ptr<Stream>> Stream::Make(StreamOptions, StreamDependencies) { return Error(ErrorCode::kUnsupported, "not yet"); }
engine::Schema DeadLetterSchema() { return {}; }
}  // namespace stream
namespace model {
bool BuildReport::ok() const { return false; }
Result<std::unique_ptr<Project>> Project::Load(FileSystem&, const ProjectOptions&) { return Error(ErrorCode::kUnsupported, "not yet"); }
}  // namespace model
}  // namespace tarn
