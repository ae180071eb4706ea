import { createHistogram, performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, Check, Counts, Load, Order } from './load.ts'
import { type Peer, protocols } from './protocols.ts'
import { RoomRecord } from './room.ts'
import { TextReader, textOf } from './text.ts'

// The process with all members. It ends when its parent process does.

/** Maximum number of members that connect at the same time. */
const mostConnecting = 64
/** Time limit (ms) for messages that are under way when the senders stop. */
const settleTimeout = 30_000

/** Part of all names: those of the run before are still taken. */
const run = process.pid
const reader = new TextReader()
let latency = createHistogram()
const counts = { sent: 0, delivered: 0 }
const records: RoomRecord[] = []
/** Functions that send the next message of a sender. */
const senders: ((due: number) => void)[] = []
let rate = 0
let isSending = false

const answer = (message: Answer) => process.send?.(message)
const fail = (reason: string) => answer({ failed: reason })
const now = () => Math.round(performance.now() * 1_000)

process.on('disconnect', () => process.exit())
process.on('message', (order: Order) => {
  if (order === 'start') start()
  else if (order === 'count') answer({ counts: count() })
  else if (order === 'finish') void finish().then((check) => answer({ check }))
  else void connect(order.connect).catch((error) => fail(String(error)))
})

async function connect(load: Load): Promise<void> {
  rate = load.rate
  for (let room = 0; room < load.rooms; room++) records.push(new RoomRecord(load.members, load.senders))
  const places = Array.from({ length: load.rooms * load.members }, (_, n) => n)
  const begun = performance.now()
  const next = async () => {
    for (let place = places.shift(); place !== undefined; place = places.shift()) {
      await enter(load, place % load.rooms, Math.floor(place / load.rooms))
    }
  }
  await Promise.all(Array.from({ length: mostConnecting }, next))
  answer({ connected: { seconds: (performance.now() - begun) / 1_000 } })
}

/** Connects a member and lets it enter its room. */
async function enter(
  { protocol, ports, senders: sending }: Load,
  room: number,
  member: number,
): Promise<void> {
  const name = `member-${run}-${fourDigits(room)}-${fourDigits(member)}`
  const roomName = `room-${run}-${fourDigits(room)}`
  const record = records[room]
  const port = ports[(room + member) % ports.length]
  if (record === undefined || port === undefined) throw new Error('there is no such room')
  const peer: Peer = await protocols[protocol]({
    port,
    name,
    onFailure: fail,
    onMessage(bytes, start, end) {
      if (!reader.read(bytes, start, end)) return false
      counts.delivered++
      record.received(member, reader.sender, reader.number)
      latency.record(Math.max(1, now() - reader.due))
      // As a person who answers at once: the next message follows the last one.
      if (reader.sender === member && rate === 0) say(now())
      return true
    },
  })
  await peer.join(roomName)
  if (member >= sending) return
  function say(due: number): void {
    if (!isSending || record === undefined) return
    const number = (record.sent[member] ?? 0) + 1
    record.sent[member] = number
    counts.sent++
    peer.send(roomName, textOf(member, number, due))
  }
  senders.push(say)
}

function fourDigits(value: number): string {
  return String(value).padStart(4, '0')
}

function start(): void {
  isSending = true
  if (rate === 0) for (const say of senders) say(now())
  else void sendAtRate()
  answer({ started: true })
}

/** Sends each message when it is due, or as soon as this process gets to it. Its latency counts from when it was due. */
async function sendAtRate(): Promise<void> {
  const begun = now()
  for (let sent = 0; isSending; ) {
    const due = Math.floor(((now() - begun) * rate) / 1e6)
    for (; sent < due; sent++) senders[sent % senders.length]?.(begun + Math.round((sent * 1e6) / rate))
    await sleep(1)
  }
}

function count(): Counts {
  const milliseconds = (microseconds: number) => Math.round(microseconds / 10) / 100
  const { sent, delivered } = counts
  const result = {
    sent,
    delivered,
    latency: {
      p50: milliseconds(latency.percentile(50)),
      p99: milliseconds(latency.percentile(99)),
      max: milliseconds(latency.max),
    },
  }
  latency = createHistogram()
  return result
}

/** Stops sending, waits for what is under way, and compares what all have received. */
async function finish(): Promise<Check> {
  isSending = false
  const end = performance.now() + settleTimeout
  while (records.some(({ isComplete }) => !isComplete) && performance.now() < end) await sleep(50)
  const check: Check = { deliveries: 0, lost: 0, repeated: 0, disordered: 0 }
  for (const record of records) record.addTo(check)
  return check
}
