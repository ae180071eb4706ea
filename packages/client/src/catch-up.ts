import { backoff } from './backoff.ts'
import { sleep } from './clock.ts'
import type { ChatError } from './errors.ts'
import type { Hole, LiveRoom, Position, Progress } from './room-host.ts'

/** Time (ms) to wait for a history that is down or doesn't know the client's last event yet. Live events wait meanwhile. */
const timeout = 30_000
const pageSize = 500
/** Size of the only page that is read if the client knows no event of the room: it must hold the whole room. */
const newestPage = 1000
/** Maximum number of joins in a row without progress. */
const maxVain = 3

/** Brings a room up to date from history as far as possible. The next join replays the rest, or begins behind a hole. */
export async function catchUp(
  room: LiveRoom,
  sync: Position,
  progress: Progress,
  wanted: () => boolean,
): Promise<void> {
  const reached = sync.last
  const reason = await readMissed(room, sync, progress, wanted)
  progress.begins = reason === undefined && !sync.last
  if (progress.begins) return
  progress.vain = sync.last === reached ? progress.vain + 1 : 0
  if (reason !== undefined || progress.vain === maxVain) {
    sync.hole = { after: sync.last, reason: reason ?? 'unknown' }
    sync.last = undefined
  } else if (progress.vain > 0) await sleep(room.host.clock, 500 + backoff(progress.vain))
}

/**
 * Reads missed messages from history, page by page, from the last known event to the end (from the beginning if no event of the room
 * is known). If history lags behind, the next join replays the rest. Returns the reason if it could not read to the end.
 */
async function readMissed(
  room: LiveRoom,
  sync: Position,
  progress: Progress,
  wanted: () => boolean,
): Promise<Hole | undefined> {
  const { host } = room
  const { clock } = host
  const until = clock.monotonic() + timeout
  let after = sync.last || undefined
  for (let attempt = 0; wanted(); ) {
    try {
      const most = host.catchUp - progress.read
      if (most <= 0) return 'too-many'
      const limit = Math.min(most, after === undefined ? newestPage : pageSize)
      const page = await room.history({ ...(after && { after }), limit })
      if (!wanted()) return undefined
      // If no event of the room was known, the newest page must be the whole room.
      if (after === undefined && page.hasMoreBefore) return 'too-many'
      for (const one of page.messages) {
        if (page.gaps?.some(({ before }) => before === one.id)) sync.gap('lost', sync.last, one.id)
        progress.read++
        sync.append(one, 'missed')
        room.changed()
      }
      if (page.gaps?.some(({ before }) => before === undefined)) sync.gap('lost', sync.last, undefined)
      after = page.messages.at(-1)?.id ?? after
      if (!page.hasMoreAfter) return undefined
      attempt = 0
    } catch (problem) {
      const error = problem as ChatError
      // History may not know a very new event yet, and answers `bad-frame`.
      if (!(error.retry || error.code === 'bad-frame') || clock.monotonic() > until) return 'unknown'
      await sleep(clock, 200 + backoff(attempt++))
    }
  }
  return undefined
}
