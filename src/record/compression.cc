#include "record/compression.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "record/byte_order.h"

namespace tarn::record {
namespace {

Error Corrupt(std::string_view codec, size_t at, std::string_view what) {
  return Error(ErrorCode::kCorruption,
               std::string(codec) + " data, byte " + std::to_string(at) + ": " + std::string(what));
}

// Where the codecs write: the front of a string that grows by doubling, to one byte past the budget and no further.
class Output {
 public:
  Output(std::string& scratch, uint64_t inflated_max) : scratch_(scratch), limit_(inflated_max) {}

  char* next() { return scratch_.data() + used_; }
  size_t room() const { return std::min<uint64_t>(scratch_.size(), limit_ + 1) - used_; }
  size_t used() const { return used_; }
  bool over() const { return used_ > limit_; }
  void Advance(size_t n) { used_ += n; }
  // At least one byte of room, or `wanted` of it where the budget has so much. Requires: !over().
  void Grow(size_t wanted) {
    const uint64_t size = std::max<uint64_t>({used_ + uint64_t(wanted), 2 * used_, kSizeMin});
    const uint64_t bounded = std::min<uint64_t>(size, limit_ + 1);
    if (scratch_.size() < bounded) scratch_.resize(bounded);
  }
  Error OverBudget() const {
    return Error(ErrorCode::kResourceExhausted, "the batch inflates to more than " + std::to_string(limit_) + " bytes");
  }
  // The zero bytes behind what was written.
  void Pad(size_t padding) {
    if (scratch_.size() < used_ + padding) scratch_.resize(used_ + padding);
    std::memset(next(), 0, padding);
  }

 private:
  static constexpr uint64_t kSizeMin = 64 << 10;
  std::string& scratch_;
  const uint64_t limit_;
  size_t used_ = 0;
};

// A first guess that fits what producers send: JSON and the like shrink to a quarter or less.
size_t Guess(std::string_view body) {
  return body.size() * 4;
}

Status InflateGzip(std::string_view body, Output& out) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return Error(ErrorCode::kInternal, "zlib: inflateInit2 failed");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = uInt(body.size());  // a batch is below 2 GiB
  out.Grow(Guess(body));
  while (true) {
    if (out.room() == 0) out.Grow(1);
    const uInt room = uInt(std::min<size_t>(out.room(), 1u << 30));
    stream.next_out = reinterpret_cast<Bytef*>(out.next());
    stream.avail_out = room;
    const int result = inflate(&stream, Z_NO_FLUSH);
    out.Advance(room - stream.avail_out);
    if (out.over()) return out.OverBudget();
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) return Ok();
      inflateReset(&stream);  // RFC 1952: a file is a series of members
    } else if (result != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) {
      return Corrupt("gzip", body.size() - stream.avail_in, stream.msg ? stream.msg : "ends early");
    }
  }
}

// One raw snappy block of which `at` is the place in the batch.
Status InflateSnappyBlock(std::string_view block, size_t at, Output& out) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(block.data(), block.size(), &size)) return Corrupt("snappy", at, "no length");
  // The longest copy, 64 bytes, takes three: a greater claim is a lie, and not worth its memory.
  if (size > block.size() * 22) return Corrupt("snappy", at, "claims more than it can hold");
  out.Grow(size);
  if (size > out.room()) return out.OverBudget();
  if (!snappy::RawUncompress(block.data(), block.size(), out.next())) return Corrupt("snappy", at, "malformed block");
  out.Advance(size);
  return out.over() ? Status(out.OverBudget()) : Ok();
}

// snappy-java's SnappyOutputStream: this magic, two 32-bit versions, then blocks, each after its 32-bit size.
constexpr std::string_view kXerialMagic("\x82SNAPPY\0", 8);

Status InflateSnappy(std::string_view body, Output& out) {
  if (!body.starts_with(kXerialMagic)) return InflateSnappyBlock(body, 0, out);
  size_t at = kXerialMagic.size() + 8;
  if (body.size() < at) return Corrupt("snappy", body.size(), "ends inside the stream header");
  while (at < body.size()) {
    if (body.size() - at < 4) return Corrupt("snappy", at, "ends inside a block's size");
    const uint32_t size = LoadBigEndian<uint32_t>(body.data() + at);
    at += 4;
    if (size > body.size() - at) return Corrupt("snappy", at, "a block ends past the data");
    TARN_TRY(InflateSnappyBlock(body.substr(at, size), at, out));
    at += size;
  }
  return Ok();
}

// Contexts are kept by thread and reset before each use: making one costs more than a small batch.
LZ4F_dctx* Lz4Context() {
  struct Owner {
    LZ4F_dctx* context = nullptr;
    ~Owner() { LZ4F_freeDecompressionContext(context); }
  };
  thread_local Owner owner;
  if (owner.context == nullptr && LZ4F_isError(LZ4F_createDecompressionContext(&owner.context, LZ4F_VERSION)))
    return nullptr;
  LZ4F_resetDecompressionContext(owner.context);
  return owner.context;
}

Status InflateLz4(std::string_view body, Output& out) {
  LZ4F_dctx* const context = Lz4Context();
  if (context == nullptr) return Error(ErrorCode::kInternal, "lz4: no context");
  out.Grow(Guess(body));
  size_t at = 0;
  size_t wanted = 1;  // 0: at the end of a frame
  while (at < body.size() || wanted != 0) {
    if (out.room() == 0) out.Grow(1);
    size_t produced = out.room();
    size_t consumed = body.size() - at;
    wanted = LZ4F_decompress(context, out.next(), &produced, body.data() + at, &consumed, nullptr);
    if (LZ4F_isError(wanted)) return Corrupt("lz4", at, LZ4F_getErrorName(wanted));
    at += consumed;
    out.Advance(produced);
    if (out.over()) return out.OverBudget();
    if (wanted != 0 && at == body.size() && produced == 0) return Corrupt("lz4", at, "ends inside a frame");
  }
  return Ok();
}

struct ZstdContext {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ~ZstdContext() { ZSTD_freeDCtx(context); }
};

Status InflateZstd(std::string_view body, Output& out) {
  constexpr size_t kKeepMax = 8 << 20;  // what level 3, every producer's default, never needs
  thread_local std::unique_ptr<ZstdContext> kept;
  if (kept == nullptr) kept = std::make_unique<ZstdContext>();
  ZSTD_DCtx* const context = kept->context;
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  Status status = Ok();
  size_t wanted = 1;  // 0: at the end of a frame
  out.Grow(Guess(body));
  while (in.pos < in.size || wanted != 0) {
    if (out.room() == 0) out.Grow(1);
    ZSTD_outBuffer to{out.next(), out.room(), 0};
    wanted = ZSTD_decompressStream(context, &to, &in);
    out.Advance(to.pos);
    if (ZSTD_isError(wanted))
      status = Corrupt("zstd", in.pos, ZSTD_getErrorName(wanted));
    else if (out.over())
      status = out.OverBudget();
    else if (wanted != 0 && in.pos == in.size && to.pos < to.size)
      status = Corrupt("zstd", in.pos, "ends inside a frame");
    if (!status.ok()) break;
  }
  if (ZSTD_sizeof_DCtx(context) > kKeepMax) kept.reset();
  return status;
}

}  // namespace

Result<size_t> Decompress(Compression codec, std::string_view body, uint64_t inflated_max, size_t padding,
                          std::string& scratch) {
  Output out(scratch, inflated_max);
  switch (codec) {
    case Compression::kNone:
      return Error(ErrorCode::kInvalidArgument, "the batch is not compressed");
    case Compression::kGzip:
      TARN_TRY(InflateGzip(body, out));
      break;
    case Compression::kSnappy:
      TARN_TRY(InflateSnappy(body, out));
      break;
    case Compression::kLz4:
      TARN_TRY(InflateLz4(body, out));
      break;
    case Compression::kZstd:
      TARN_TRY(InflateZstd(body, out));
      break;
  }
  out.Pad(padding);
  return out.used();
}

namespace {

Result<std::string> CompressGzip(std::string_view body) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return Error(ErrorCode::kInternal, "zlib: deflateInit2 failed");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, deflateEnd);
  std::string out(deflateBound(&stream, body.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = uInt(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return Error(ErrorCode::kInternal, "zlib: deflate failed");
  out.resize(out.size() - stream.avail_out);
  return out;
}

Result<std::string> CompressLz4(std::string_view body) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  std::string out(LZ4F_compressFrameBound(body.size(), &preferences), '\0');
  const size_t size = LZ4F_compressFrame(out.data(), out.size(), body.data(), body.size(), &preferences);
  if (LZ4F_isError(size)) return Error(ErrorCode::kInternal, std::string("lz4: ") + LZ4F_getErrorName(size));
  out.resize(size);
  return out;
}

Result<std::string> CompressZstd(std::string_view body) {
  std::string out(ZSTD_compressBound(body.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), body.data(), body.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size)) return Error(ErrorCode::kInternal, std::string("zstd: ") + ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

}  // namespace

Result<std::string> Compress(Compression codec, std::string_view body) {
  switch (codec) {
    case Compression::kNone:
      break;
    case Compression::kGzip:
      return CompressGzip(body);
    case Compression::kSnappy: {
      std::string out;
      snappy::Compress(body.data(), body.size(), &out);
      return out;
    }
    case Compression::kLz4:
      return CompressLz4(body);
    case Compression::kZstd:
      return CompressZstd(body);
  }
  return Error(ErrorCode::kInvalidArgument, "no such codec: " + std::to_string(int(codec)));
}

}  // namespace tarn::record
