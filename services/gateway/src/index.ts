export { gateway, gatewayRoutes } from './app.ts'
export { gatewayConfig, gatewaySettings } from './config.ts'
export type { Gateway, GatewayOptions } from './gateway.ts'
export { createMetrics, observeLog } from './metrics.ts'
