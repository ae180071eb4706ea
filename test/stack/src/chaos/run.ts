import { setTimeout as sleep } from 'node:timers/promises'
import type { Message, Room } from '@rabble/client'
import { createRandom, type TestContext, until } from '@rabble/harness'
import type { Bug } from './bugs.ts'
import { faultsOf } from './faults.ts'
import { type People, type Person, startPeople } from './people.ts'
import type { Report } from './report.ts'
import { runSchedule } from './schedule.ts'
import { startChaosSystem } from './system.ts'
import { type Evidence, judge, type Shown, type Told } from './verdict.ts'

export interface ChaosOptions {
  seed: number
  /** Time (s) during which faults happen. */
  seconds: number
  /** Faults at a time, at most. */
  lanes: number
  people: number
  /** Actions of each person per second. */
  rate: number
  /** Faults that may happen, as a regular expression for `kind, target`. Default: all. */
  only?: RegExp | undefined
  /** Maximum number of faults. Default: as many as the time allows. */
  count?: number | undefined
  /** Time (s) that the system has to be whole again after the last fault, and to notice who has gone. Default: 120. */
  patience?: number
  /** Defect that the system gets, to see whether it is found. */
  bug?: Bug | undefined
}

const rooms = 6
/** Pause (ms) before each look at what grows with the run. */
const lookEvery = 500
const lasts = [100, 3_000] as const
const pauses = [100, 1_000] as const
/** Runs Rabble under random faults while people chat, and judges what they were told. `say` gets the progress. */
export async function runChaos(
  t: TestContext,
  options: ChaosOptions,
  { say, signal }: { say(text: string): void; signal: AbortSignal },
): Promise<Report> {
  const { seed, seconds, lanes, only = /./, count = Number.POSITIVE_INFINITY } = options
  const patience = (options.patience ?? 120) * 1_000
  say(`seed ${seed}: starts three gateways, two of history and of rooms, RabbitMQ, PostgreSQL, Nginx`)
  const system = await startChaosSystem(t, options.bug)
  const faults = faultsOf(system).filter(({ kind, target }) => only.test(`${kind}, ${target}`))
  if (faults.length === 0) throw new Error(`no fault is like ${only}`)
  // People have random numbers of their own: how many they use depends on the machine.
  const people = await startPeople(t, { ...system, ...options, rooms, random: createRandom(seed + 1) })
  say(`${options.people} people chat; ${seconds} seconds of faults`)
  const happened = await runSchedule(faults, {
    seed,
    milliseconds: seconds * 1_000,
    count,
    lanes,
    lasts,
    pauses,
    signal,
    tell: ({ kind, target, from, to }) =>
      say(`${(from / 1_000).toFixed(1)} to ${(to / 1_000).toFixed(1)} s: ${target}: ${kind}`),
  })
  say('no more faults')
  const quiet = performance.now()
  await system.ready(patience)
  await people.rest()
  await hearEverything(people, patience)
  const wholeAfter = (performance.now() - quiet) / 1_000
  say(`whole again after ${wholeAfter.toFixed(1)} s; looks at history, screens, counts and members`)
  const evidence = await gather(people, patience)
  return {
    seed,
    people: options.people,
    targets: [...new Set(faults.map(({ target }) => target))],
    happened,
    acknowledged: people.said.size,
    shown: evidence.told.reduce((sum, { messages }) => sum + messages.length, 0),
    wholeAfter,
    verdict: judge(evidence),
  }
}

/** Everybody writes once more in each room, and hears everybody: what was written before has come then as well. */
async function hearEverything({ all, said, told }: People, patience: number): Promise<void> {
  const last = await Promise.all(
    all.flatMap((person) =>
      [...person.rooms.values()].map(async (room) => {
        const text = `the last of ${person.name}`
        const { id } = await room.send(text)
        said.set(id, { id, room: room.name, by: person.name, text, deleted: false })
        return { id, room: room.name }
      }),
    ),
  )
  const heard = ({ room, messages }: Told) => {
    const known = new Set(messages)
    return last.every((message) => message.room !== room || known.has(message.id))
  }
  const allHeard = async () => {
    await sleep(lookEvery)
    return told().every(heard)
  }
  // The verdict lists messages that are missing after that.
  await until(allHeard, patience, 'everybody to hear everybody').catch(() => {})
}

async function gather({ all, programs, said, told, read }: People, patience: number): Promise<Evidence> {
  const acknowledgedIn = (name: string) =>
    [...said.values()].filter(({ room }) => room === name).map(({ id }) => id)
  const names = [...new Set(told().map(({ room }) => room))]
  const histories = await Promise.all(
    names.map(async (name): Promise<[string, Shown[]]> => {
      const room = all.find((person) => person.rooms.has(name))?.rooms.get(name) as Room
      return [name, (await historyUpTo(room, acknowledgedIn(name), patience)).map(shown)]
    }),
  )
  const screens = all.flatMap((person) =>
    [...person.rooms.values()].map(({ name, messages }) => ({
      person: person.name,
      room: name,
      messages: messages.map(shown),
    })),
  )
  const unread = (await Promise.all(all.map(unreadOf))).flat()
  const members = await membersOf(all, programs, 'after the faults', patience)
  const gone = all.filter((_, index) => index % 3 === 0)
  for (const { chat } of gone) chat.close()
  const rest = all.filter((person) => !gone.includes(person))
  members.push(...(await membersOf(rest, programs, 'after a third has gone', patience)))
  return { said, told: told(), history: new Map(histories), screens, read, unread, members }
}

/** Reads history until it has caught up with the log. */
async function historyUpTo(room: Room, ids: readonly string[], patience: number): Promise<Message[]> {
  let found: Message[] = []
  const hasAll = async () => {
    await sleep(lookEvery)
    found = await wholeHistory(room)
    const known = new Set(found.map(({ id }) => id))
    return ids.every((id) => known.has(id))
  }
  await until(hasAll, patience, 'history to catch up').catch(() => {})
  return found
}

async function wholeHistory(room: Room): Promise<Message[]> {
  const found: Message[] = []
  for (let more = true; more; ) {
    const before = found[0]?.id
    const page = await room.history({ limit: 200, ...(before !== undefined && { before }) })
    found.unshift(...page.messages)
    more = page.hasMore
  }
  return found
}

function shown({ id, from, text, deleted, reactions }: Message): Shown {
  return { id, from, text, deleted, reactions }
}

async function unreadOf({ name, chat }: Person): Promise<Evidence['unread']> {
  const { conversations } = (await chat.request(['api', 'conversations'], { query: { limit: 200 } })) as {
    conversations: { room: string; unread: number }[]
  }
  return conversations.map(({ room, unread }) => ({ person: name, room, unread }))
}

/** Asks one person in each room who is there, until the answer is as it should be or the time is over. */
async function membersOf(
  people: readonly Person[],
  programs: readonly { name: string }[],
  when: string,
  patience: number,
): Promise<Evidence['members'][number][]> {
  const names = new Set(people.flatMap(({ rooms }) => [...rooms.keys()]))
  return Promise.all(
    [...names].map(async (name) => {
      const here = people.filter(({ rooms }) => rooms.has(name))
      const wanted = [...here, ...programs].map(({ name }) => name)
      const room = here[0]?.rooms.get(name) as Room
      let found: string[] = []
      const right = async () => {
        await sleep(lookEvery)
        const { users } = await room.fetchMembers()
        found = users.map(({ id }) => id)
        return found.length === wanted.length && wanted.every((user) => found.includes(user))
      }
      await until(right, patience, 'the members of a room').catch(() => {})
      return { room: name, when, found, wanted }
    }),
  )
}
