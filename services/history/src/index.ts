export { type HistoryOptions, history } from './app.ts'
export { historyConfig, historySettings } from './config.ts'
export { createMetrics, type HistoryMetrics } from './metrics.ts'
