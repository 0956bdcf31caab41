#include "stream/kafka/topic_uuid.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

namespace tarn::stream::kafka {
namespace {

constexpr int16_t kMetadata = 3, kApiVersions = 18;
constexpr int16_t kMetadataVersion = 10;  // the first one with topic ids
constexpr size_t kAnswerBytesMax = 16 << 20;
constexpr size_t kUuidBytes = 16;
constexpr int16_t kUnknownTopic = 3, kLeaderNotAvailable = 5;  // of Kafka's error codes

void PutInt(std::string& to, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) to.push_back(char(value >> shift));
}

// A bounded reader of Kafka's primitive types. After a failure everything reads as zero, and `status` says where.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  int64_t Int(size_t width) {
    const std::string_view taken = Take(width, "an integer");
    uint64_t value = 0;
    for (const char byte : taken) value = value << 8 | uint8_t(byte);
    return width == 2 ? int16_t(value) : width == 4 ? int32_t(value) : int64_t(value);
  }

  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      const std::string_view byte = Take(1, "a varint");
      if (byte.empty()) return 0;
      value |= uint64_t(uint8_t(byte[0]) & 0x7f) << shift;
      if ((uint8_t(byte[0]) & 0x80) == 0) return value;
    }
    Fail("a varint of at most five bytes");
    return 0;
  }

  // The compact kind: a length plus one, zero for null.
  std::string_view String() {
    const uint64_t length = Varint();
    return length == 0 ? std::string_view() : Take(length - 1, "a string");
  }

  void SkipTags() {
    for (uint64_t left = Varint(); left > 0 && status_.ok(); --left) {
      Varint();
      Take(Varint(), "a tagged field");
    }
  }

  std::string_view Take(size_t count, const char* what) {
    if (status_.ok() && count > bytes_.size() - at_) Fail(what);
    if (!status_.ok()) return {};
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }

  const Status& status() const { return status_; }

 private:
  void Fail(const char* what) {
    if (status_.ok())
      status_ = Error(ErrorCode::kCorruption, "Kafka answer, offset " + std::to_string(at_) + ": expected " + what);
  }

  const std::string_view bytes_;
  size_t at_ = 0;
  Status status_;
};

// One blocking connection; every step fails after the timeout it was opened with.
class Connection {
 public:
  explicit Connection(int socket) : socket_(socket) {}
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;

  static Result<std::unique_ptr<Connection>> Open(const std::string& host, const std::string& port, Micros timeout);
  // `request` without its size, the answer without its size and correlation id.
  Result<std::string> Ask(const std::string& request);

 private:
  Status ReadAll(char* to, size_t count);

  const int socket_;
};

Error Unavailable(const std::string& what) {
  return Error(ErrorCode::kUnavailable, what + ": " + std::strerror(errno));
}

Result<std::unique_ptr<Connection>> Connection::Open(const std::string& host, const std::string& port, Micros timeout) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int failed = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); failed != 0)
    return Error(ErrorCode::kUnavailable, host + ": " + ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  timeval limit{};
  limit.tv_sec = timeout / 1'000'000;
  limit.tv_usec = timeout % 1'000'000;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int socket = ::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);
    if (socket < 0) continue;
    auto connection = std::make_unique<Connection>(socket);
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));  // of connect, too
    if (::connect(socket, address->ai_addr, address->ai_addrlen) == 0) return connection;
  }
  return Unavailable("connecting to " + host + ":" + port);
}

Status Connection::ReadAll(char* to, size_t count) {
  while (count > 0) {
    const ssize_t got = ::recv(socket_, to, count, 0);
    if (got == 0) return Error(ErrorCode::kUnavailable, "the broker closed the connection");
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Unavailable("reading from the broker");
    to += got;
    count -= size_t(got);
  }
  return Ok();
}

Result<std::string> Connection::Ask(const std::string& request) {
  std::string frame;
  PutInt(frame, request.size(), 4);
  frame += request;
  for (size_t sent = 0; sent < frame.size();) {
    const ssize_t count = ::send(socket_, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Unavailable("writing to the broker");
    sent += size_t(count);
  }
  char head[8];
  TARN_TRY(ReadAll(head, sizeof(head)));
  const int64_t size = Reader({head, 4}).Int(4);
  if (size < 4 || size_t(size) > kAnswerBytesMax)
    return Error(ErrorCode::kCorruption, "Kafka answer, offset 0: a size of " + std::to_string(size));
  std::string body(size_t(size) - 4, '\0');
  TARN_TRY(ReadAll(body.data(), body.size()));
  return body;
}

std::string RequestHead(int16_t key, int16_t version) {
  constexpr std::string_view kClient = "tarn-stream";
  std::string head;
  PutInt(head, uint64_t(key), 2);
  PutInt(head, uint64_t(version), 2);
  PutInt(head, 0, 4);  // correlation id
  PutInt(head, kClient.size(), 2);
  return head.append(kClient);
}

Result<bool> KnowsTopicUuids(Connection& broker) {
  TARN_ASSIGN_OR_RETURN(const std::string answer, broker.Ask(RequestHead(kApiVersions, 0)));
  Reader reader(answer);
  const int64_t error = reader.Int(2);
  bool knows = false;
  for (int64_t left = reader.Int(4); left > 0 && reader.status().ok(); --left) {
    const int64_t key = reader.Int(2), lowest = reader.Int(2), highest = reader.Int(2);
    if (key == kMetadata) knows = lowest <= kMetadataVersion && kMetadataVersion <= highest;
  }
  TARN_TRY(reader.status());
  if (error != 0)
    return Error(ErrorCode::kUnavailable, "ApiVersions ended with Kafka's error " + std::to_string(error));
  return knows;
}

std::string MetadataRequest(std::string_view topic) {
  std::string request = RequestHead(kMetadata, kMetadataVersion);
  request.push_back(0);              // no tagged fields of the head
  request.push_back(2);              // one topic
  request.append(kUuidBytes, '\0');  // by name
  uint64_t length = topic.size() + 1;
  for (; length >= 0x80; length >>= 7) request.push_back(char(length | 0x80));
  request.push_back(char(length));
  request.append(topic);
  request.append(5, '\0');  // the topic's tags; create nothing, no authorised operations; tags
  return request;
}

Result<std::optional<std::string>> AskServer(const std::string& server, std::string_view topic, Micros timeout) {
  const size_t colon = server.rfind(':');
  std::string host = server.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  const std::string port = colon == std::string::npos ? "9092" : server.substr(colon + 1);
  TARN_ASSIGN_OR_RETURN(const auto broker, Connection::Open(host, port, timeout));
  TARN_ASSIGN_OR_RETURN(const bool knows, KnowsTopicUuids(*broker));
  if (!knows) return std::optional<std::string>();
  TARN_ASSIGN_OR_RETURN(const std::string answer, broker->Ask(MetadataRequest(topic)));
  TARN_ASSIGN_OR_RETURN(std::string uuid, TopicUuidOf(answer, topic));
  return std::optional<std::string>(std::move(uuid));
}

}  // namespace

Result<std::string> TopicUuidOf(std::string_view metadata_answer, std::string_view topic) {
  Reader reader(metadata_answer);
  reader.SkipTags();  // of the head
  reader.Int(4);      // throttle time
  for (uint64_t brokers = reader.Varint(); brokers > 1 && reader.status().ok(); --brokers) {
    reader.Int(4);  // id
    reader.String();
    reader.Int(4);  // port
    reader.String();
    reader.SkipTags();
  }
  reader.String();  // cluster id
  reader.Int(4);    // controller
  const uint64_t topics = reader.Varint();
  const int64_t error = reader.Int(2);
  const std::string_view name = reader.String();
  const std::string_view uuid = reader.Take(kUuidBytes, "a topic id");
  TARN_TRY(reader.status());
  if (topics != 2 || name != topic)
    return Error(ErrorCode::kCorruption, "Kafka answer: expected one topic, " + std::string(topic));
  if (error == kUnknownTopic) return Error(ErrorCode::kNotFound, "no topic " + std::string(topic));
  if (error != 0 && error != kLeaderNotAvailable)
    return Error(ErrorCode::kUnavailable, "topic " + std::string(topic) + ": Kafka's error " + std::to_string(error));
  std::string hex;
  for (const char byte : uuid) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex.push_back(kDigits[uint8_t(byte) >> 4]);
    hex.push_back(kDigits[uint8_t(byte) & 15]);
  }
  return hex;
}

Result<std::optional<std::string>> AskTopicUuid(const std::string& bootstrap, std::string_view topic, Micros timeout) {
  Status last = Error(ErrorCode::kUnavailable, "no server is given");
  for (size_t begin = 0; begin <= bootstrap.size();) {
    const size_t comma = std::min(bootstrap.find(',', begin), bootstrap.size());
    auto answer = AskServer(bootstrap.substr(begin, comma - begin), topic, timeout);
    if (answer.ok() || !answer.Is(ErrorCode::kUnavailable)) return answer;
    last = answer.error();
    begin = comma + 1;
  }
  return last.error();
}

}  // namespace tarn::stream::kafka
