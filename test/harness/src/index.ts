export { type Bridge, startBridge } from './bridge.ts'
export {
  type ChatClient,
  type ChatOptions,
  type ChatRequest,
  connectChat,
  ReplyError,
  type Transport,
} from './chat-client.ts'
export { type Cluster, type ClusterOptions, noRateLimits, startCluster } from './cluster.ts'
export { dataFolder, emptyPgliteVariable } from './data-folder.ts'
export { checkDocumented } from './documented.ts'
export { inForm } from './forms.ts'
export { freePort } from './free-port.ts'
export { assertNothingLeft, leftovers } from './leftovers.ts'
export { type Launch, type ManagedProcess, startProcess } from './managed-process.ts'
export { mutated } from './mutated.ts'
export { type Nginx, type NginxOptions, startNginx } from './nginx.ts'
export { nodeOptionsVariable, shortLived } from './node-options.ts'
export { checkOrder, type OrderReport, type Streams } from './order-report.ts'
export { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'
export { type Databases, type Postgres, type PostgresOptions, startPostgres } from './postgres.ts'
export { privateFolder } from './private-folder.ts'
export { descendants } from './process-tree.ts'
export { type Prometheus, startPrometheus } from './prometheus.ts'
export {
  type BrowserSubscription,
  type PushReceiver,
  type ReceivedPush,
  startPushReceiver,
  vapidKeys,
} from './push-receiver.ts'
export { putIntoQueue, type QueueMessage, takeFromQueue } from './queue.ts'
export { type RabbitMq, type RabbitMqOptions, startRabbitMq } from './rabbitmq.ts'
export { createRandom } from './random.ts'
export { type Service, type ServiceOptions, startService } from './service.ts'
export { sharedPostgres, sharedRabbitMq, startSharedServers } from './shared-servers.ts'
export { type Comeback, type SteadyClient, type SteadyOptions, startSteadyClient } from './steady-client.ts'
export type { TestContext } from './test-context.ts'
export { until } from './until.ts'
