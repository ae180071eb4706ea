import { print } from '../bench.ts'
import type { TransportName } from './transports.ts'

/** Results of a run. */
export interface Figures {
  deliveriesPerSecond: number
  messagesPerSecond: number
  /** CPU time of the gateway per delivery, including all its other work for the message. */
  gatewayMicroseconds: number
  /** Bytes that a member gets for a delivery, with all else that it gets. */
  bytesPerDelivery: number
  messagesPerBatch: number
  gatewayCores: number
  generatorCores: number
  rabbitmqCores: number
  otherCores: number
}

export type ByTransport<T> = { [name in TransportName]?: T }

/**
 * Returns the medians of all rounds, and how many times the gateway's time over a WebSocket each transport takes: the median of the
 * quotients of each round, since the load of a machine changes from round to round.
 */
export function comparisonOf(
  rounds: readonly ByTransport<Figures>[],
): ByTransport<Figures & { timesWebSocket?: number }> {
  const names = Object.keys(rounds[0] ?? {}) as TransportName[]
  return Object.fromEntries(
    names.map((name) => {
      const all = rounds.flatMap((round) => round[name] ?? [])
      const fields = Object.keys(all[0] ?? {}) as (keyof Figures)[]
      const medians = fields.map((field) => [field, rounded(medianOf(all.map((one) => one[field])))])
      const quotients = rounds.flatMap(({ websocket, [name]: own }) =>
        websocket === undefined || own === undefined
          ? []
          : own.gatewayMicroseconds / websocket.gatewayMicroseconds,
      )
      const timesWebSocket = quotients.length === 0 ? undefined : rounded(medianOf(quotients))
      return [name, { ...Object.fromEntries(medians), timesWebSocket }]
    }),
  )
}

/** Prints figures, with a column for each transport. */
export function printColumns(results: ByTransport<object>): void {
  const [first = {}] = Object.values(results)
  print(`  ${''.padEnd(20)}${Object.keys(results).map(cell).join('')}`)
  for (const field of Object.keys(first) as (keyof typeof first)[]) {
    print(
      `  ${String(field).padEnd(20)}${Object.values(results)
        .map((one) => cell(one[field]))
        .join('')}`,
    )
  }
}

function cell(value: unknown): string {
  return String(value ?? '').padStart(12)
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle - 1)] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2
}

function rounded(value: number): number {
  return value < 1_000 ? Math.round(value * 100) / 100 : Math.round(value)
}
