#pragma once

#include "broker/handlers/api_internal.h"

// One line for each file of this folder; AllApis in apis.cc lists them.

namespace tarn::broker {

extern const Api kProduceApi;
extern const Api kFetchApi;
extern const Api kListOffsetsApi;
extern const Api kMetadataApi;
extern const Api kOffsetCommitApi;
extern const Api kOffsetFetchApi;
extern const Api kFindCoordinatorApi;
extern const Api kJoinGroupApi;
extern const Api kHeartbeatApi;
extern const Api kLeaveGroupApi;
extern const Api kSyncGroupApi;
extern const Api kDescribeGroupsApi;
extern const Api kListGroupsApi;
extern const Api kApiVersionsApi;
extern const Api kCreateTopicsApi;
extern const Api kDeleteTopicsApi;
extern const Api kDeleteRecordsApi;
extern const Api kInitProducerIdApi;
extern const Api kOffsetForLeaderEpochApi;
extern const Api kDescribeConfigsApi;
extern const Api kAlterConfigsApi;
extern const Api kDescribeLogDirsApi;
extern const Api kCreatePartitionsApi;
extern const Api kDeleteGroupsApi;
extern const Api kIncrementalAlterConfigsApi;
extern const Api kListPartitionReassignmentsApi;
extern const Api kOffsetDeleteApi;
extern const Api kDescribeClusterApi;
extern const Api kDescribeProducersApi;
extern const Api kListTransactionsApi;

}  // namespace tarn::broker
