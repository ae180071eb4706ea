import { checkOrder } from '@rabble/harness'

/** A message that was acknowledged, as its author left it. */
export interface Said {
  id: string
  room: string
  /** Id of the author, who alone changes it. */
  by: string
  text: string
  deleted: boolean
}

/** The events that a person got of a room, in the order of arrival. */
export interface Told {
  person: string
  room: string
  /** Ids of messages. */
  messages: readonly string[]
  /** Ids of edits, deletions and reactions. */
  changes: readonly string[]
  /** How often the person was told that something is missing. */
  gaps: number
}

/** A message as it is shown. */
export interface Shown {
  id: string
  from: { id: string }
  text: string
  deleted?: object | undefined
  reactions?: readonly { emoji: string; count: number }[] | undefined
}

/** A message up to which a person has read, and whether that was acknowledged. */
export interface Reading {
  message: string
  acknowledged: boolean
}

/** All that is known after the faults, once everybody has had time to hear of everything. */
export interface Evidence {
  said: ReadonlyMap<string, Said>
  told: readonly Told[]
  /** Room → its messages in history, the oldest first. */
  history: ReadonlyMap<string, readonly Shown[]>
  /** The messages on each person's screen, for each room. */
  screens: readonly { person: string; room: string; messages: readonly Shown[] }[]
  /** As of `People`, by `readKey`. */
  read: ReadonlyMap<string, readonly Reading[]>
  /** Unread messages as each person is told. */
  unread: readonly { person: string; room: string; unread: number }[]
  /** The members of a room as somebody is told, and as they should be. */
  members: readonly { room: string; when: string; found: readonly string[]; wanted: readonly string[] }[]
}

/** Number of findings of each promise. Each must be 0. */
export type Counts = Record<(typeof promises)[number], number>

const promises = [
  'acknowledged and missing',
  'shown twice',
  'order differs',
  'screen differs from history',
  'change undone',
  'deleted text shown',
  'unread counts wrong',
  'ghosts or lost members',
] as const

export interface Verdict {
  counts: Counts
  /** Gaps that people were told of: not a finding, since nobody who was told is deceived. */
  gapsTold: number
  /** One sentence for each finding, for people. */
  findings: readonly string[]
}

/** Returns the key of a person's readings of a room. */
export function readKey(person: string, room: string): string {
  return `${person} ${room}`
}

/** Compares what people were told with each other, with what they did, and with history. It knows nothing of the system's inside. */
export function judge(evidence: Evidence): Verdict {
  const counts = Object.fromEntries(promises.map((promise) => [promise, 0])) as Counts
  const findings: string[] = []
  const find = (promise: keyof Counts, text: string, count = 1) => {
    counts[promise] += count
    findings.push(`${promise}: ${text}`)
  }
  for (const [room, messages] of evidence.history) {
    judgeStreams(room, messages, evidence, find)
    judgeChanges(messages, evidence, find)
  }
  for (const { person, room, messages } of evidence.screens) {
    judgeScreen(`${person} in ${room}`, messages, evidence.history.get(room) ?? [], find)
  }
  judgeUnread(evidence, find)
  for (const { room, when, found, wanted } of evidence.members) {
    const ghosts = found.filter((user) => !wanted.includes(user))
    const lost = wanted.filter((user) => !found.includes(user))
    const text = `${room}, ${when}: ghosts [${ghosts}], lost [${lost}]`
    if (ghosts.length + lost.length > 0) find('ghosts or lost members', text, ghosts.length + lost.length)
  }
  const gapsTold = evidence.told.reduce((sum, { gaps }) => sum + gaps, 0)
  return { counts, gapsTold, findings }
}

type Find = (promise: keyof Counts, text: string, count?: number) => void

/** Compares what was told of a room. Somebody who was told of a gap may lack what is in it. */
function judgeStreams(room: string, messages: readonly Shown[], evidence: Evidence, find: Find): void {
  const told = evidence.told.filter((stream) => stream.room === room)
  const acknowledged = [...evidence.said.values()].filter((message) => message.room === room)
  const ids = Object.fromEntries(told.map(({ person, messages }) => [person, messages]))
  const report = checkOrder(
    { ...ids, history: messages.map(({ id }) => id) },
    acknowledged.map(({ id }) => id),
  )
  for (const [stream, lacking] of report.missing) {
    if (told.some(({ person, gaps }) => person === stream && gaps > 0)) continue
    find('acknowledged and missing', `${room}: ${stream} lacks ${lacking.slice(0, 5)}`, lacking.length)
  }
  for (const [stream, twice] of report.repeated) {
    find('shown twice', `${room}: ${stream} has more than once ${twice.slice(0, 5)}`, twice.length)
  }
  for (const stream of report.disordered) find('order differs', `${room}: ${stream}`)
  // A client that was away for long is not told of each change, but sees its result: so none counts as missing.
  const changes = Object.fromEntries(told.map(({ person, changes }) => [person, changes]))
  const ofChanges = checkOrder(changes)
  for (const [stream, twice] of ofChanges.repeated) {
    find('shown twice', `${room}: ${stream} has changes more than once: ${twice.slice(0, 5)}`, twice.length)
  }
  for (const stream of ofChanges.disordered) find('order differs', `${room}: changes of ${stream}`)
}

/** Compares history with what authors have done to their messages. */
function judgeChanges(messages: readonly Shown[], { said }: Evidence, find: Find): void {
  for (const { id, text, deleted } of messages) {
    const own = said.get(id)
    if (own === undefined) continue
    if (own.deleted && text !== '') find('deleted text shown', `history shows ${id}: ${text}`)
    else if (own.deleted !== (deleted !== undefined) || (!own.deleted && text !== own.text)) {
      find('change undone', `${id} is “${text}” in place of “${own.deleted ? '' : own.text}”`)
    }
  }
}

function judgeScreen(who: string, screen: readonly Shown[], history: readonly Shown[], find: Find): void {
  const known = new Map(history.map((message) => [message.id, message]))
  for (const shown of screen) {
    const stored = known.get(shown.id)
    if (stored === undefined) continue
    if (stored.deleted !== undefined && shown.text !== '') {
      find('deleted text shown', `${who}: ${shown.id}: ${shown.text}`)
    } else if (contentOf(shown) !== contentOf(stored)) {
      find('screen differs from history', `${who}: ${shown.id}: ${contentOf(shown)} and ${contentOf(stored)}`)
    }
  }
}

function contentOf({ text, deleted, reactions = [] }: Shown): string {
  const counts = reactions.map(({ emoji, count }) => `${emoji}${count}`).sort()
  return JSON.stringify([text, deleted !== undefined, counts])
}

/** Counts the messages behind the newest one that the person has written or read. A reading without an answer may count or not. */
function judgeUnread({ history, read, unread }: Evidence, find: Find): void {
  for (const told of unread) {
    const messages = history.get(told.room) ?? []
    const places = new Map(messages.map(({ id }, place) => [id, place]))
    const readings = read.get(readKey(told.person, told.room)) ?? []
    const placesOf = (acknowledged: boolean) =>
      readings.flatMap((reading) =>
        reading.acknowledged === acknowledged ? (places.get(reading.message) ?? []) : [],
      )
    const own = messages.findLastIndex(({ from }) => from.id === told.person)
    const certain = Math.max(own, ...placesOf(true))
    const possible = [certain, ...placesOf(false).filter((place) => place > certain)]
    const counts = possible.map((place) => messages.length - 1 - place)
    if (!counts.includes(told.unread)) {
      find('unread counts wrong', `${told.person} in ${told.room}: ${told.unread} in place of ${counts}`)
    }
  }
}
