export { type RoomsOptions, rooms } from './app.ts'
export { roomsConfig, roomsSettings } from './config.ts'
export { createMetrics, type RoomsMetrics } from './metrics.ts'
