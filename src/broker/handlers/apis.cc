#include <algorithm>

#include "broker/handlers/api_internal.h"
#include "broker/handlers/apis_internal.h"

namespace tarn::broker {

const std::vector<const Api*>& AllApis() {
  static const std::vector<const Api*> apis = {
      &kProduceApi,
      &kFetchApi,
      &kListOffsetsApi,
      &kMetadataApi,
      &kOffsetCommitApi,
      &kOffsetFetchApi,
      &kFindCoordinatorApi,
      &kJoinGroupApi,
      &kHeartbeatApi,
      &kLeaveGroupApi,
      &kSyncGroupApi,
      &kDescribeGroupsApi,
      &kListGroupsApi,
      &kApiVersionsApi,
      &kCreateTopicsApi,
      &kDeleteTopicsApi,
      &kDeleteRecordsApi,
      &kInitProducerIdApi,
      &kOffsetForLeaderEpochApi,
      &kDescribeConfigsApi,
      &kAlterConfigsApi,
      &kDescribeLogDirsApi,
      &kCreatePartitionsApi,
      &kDeleteGroupsApi,
      &kIncrementalAlterConfigsApi,
      &kListPartitionReassignmentsApi,
      &kOffsetDeleteApi,
      &kDescribeClusterApi,
      &kDescribeProducersApi,
      &kListTransactionsApi,
  };
  return apis;
}

const Api* FindApi(int16_t key) {
  const auto& apis = AllApis();
  const auto found = std::find_if(apis.begin(), apis.end(), [key](const Api* api) { return api->key == key; });
  return found == apis.end() ? nullptr : *found;
}

Result<ParsedRequest> ParseRequestHeader(std::string_view frame) {
  ParsedRequest parsed;
  Reader reader(frame, 0, false);  // the client id is never compact, not even in a flexible header
  reader.Value(parsed.header.api_key);
  reader.Value(parsed.header.api_version);
  reader.Value(parsed.header.correlation_id);
  std::optional<std::string_view> client_id;
  reader.Value(client_id, true);
  TARN_TRY(reader.status());
  parsed.header.client_id = client_id.value_or("");
  parsed.body = reader.rest();
  const Api* api = FindApi(parsed.header.api_key);
  // An ApiVersions request of a version that we do not know is answered whatever follows.
  if (api == nullptr || parsed.header.api_version > api->versions.max || !api->flexible(parsed.header.api_version))
    return parsed;
  Reader tags(parsed.body, 0, true);
  NoTags(tags);
  TARN_TRY(tags.status());
  parsed.body = tags.rest();
  return parsed;
}

Status ServeFrame(BrokerContext& context, std::shared_ptr<net::FrameCall> call) {
  const auto parsed = ParseRequestHeader(call->frame());
  if (!parsed.ok()) {
    call->Close();
    return parsed.error();
  }
  const RequestHeader& header = parsed.value().header;
  const Api* api = FindApi(header.api_key);
  if (api == &kApiVersionsApi && (header.api_version < api->versions.min || header.api_version > api->versions.max)) {
    AnswerUnknownApiVersions(header, *call);
    return Ok();
  }
  if (api == nullptr || header.api_version < api->versions.min || header.api_version > api->versions.max) {
    call->Close();
    return Error(ErrorCode::kUnsupported,
                 "no API " + std::to_string(header.api_key) + " of version " + std::to_string(header.api_version));
  }
  Status status = api->serve(context, header, parsed.value().body, call);
  if (!status.ok()) call->Close();
  return status;
}

}  // namespace tarn::broker
