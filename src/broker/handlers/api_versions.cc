#include "kafka_messages/api_versions.h"

#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

namespace {

ApiVersionsResponse Answer(int16_t error) {
  ApiVersionsResponse response;
  response.error_code = error;
  for (const Api* api : AllApis()) {
    response.api_keys.push_back(
        {.api_key = api->key, .min_version = int16_t(api->versions.min), .max_version = int16_t(api->versions.max)});
  }
  return response;
}

ApiVersionsResponse ApiVersions(BrokerContext&, const ApiVersionsRequest&, int) {
  return Answer(kafka_error::kNone);
}

}  // namespace

void AnswerUnknownApiVersions(const RequestHeader& header, net::FrameCall& call) {
  ApiVersionsResponse response = Answer(kafka_error::kUnsupportedVersion);
  call.Reply(EncodeResponse(header, 0, response));
}

const Api kApiVersionsApi =
    AnsweredAtOnce<ApiVersionsRequest, ApiVersionsResponse>("ApiVersions", {0, 4}, &ApiVersions);

}  // namespace tarn::broker
