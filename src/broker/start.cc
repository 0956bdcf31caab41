#include "broker/broker.h"
#include "broker/broker_internal.h"

namespace tarn::broker {

Result<std::unique_ptr<Broker>> Broker::Start(BrokerOptions options, BrokerDependencies dependencies) {
  TARN_TRY(dependencies.file_system.CreateDirectories(options.directory));
  TARN_ASSIGN_OR_RETURN(auto topics,
                        OpenTopics(dependencies.file_system, dependencies.clock, dependencies.random.Fork(),
                                   dependencies.logger, options.directory, options.log_defaults));
  return StartBrokerOn(std::move(topics), std::move(options), std::move(dependencies));
}

}  // namespace tarn::broker
