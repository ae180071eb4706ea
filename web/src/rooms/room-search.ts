import { type ReadonlySignal, type Signal, useSignal, useSignalEffect } from '@preact/signals'
import { type ListRoomsOptions, listRooms } from '@rabble/client/rooms'
import { useRef } from 'preact/hooks'
import { chat, problemOf } from '../state/session.ts'

type Page = Awaited<ReturnType<typeof listRooms>>

/** Pause (ms) after which letters that were typed are searched for. */
const afterTyping = 250

export interface RoomSearch {
  /** Rooms that were found so far; undefined before the first answer. During a search those of the one before. */
  readonly page: Signal<Page | undefined>
  /** Whether the answer to the present question is still to come. */
  readonly busy: Signal<boolean>
  /** Reason why the last request failed, for people. */
  readonly problem: Signal<string>
  /** Searches again or, with the `next` of a page, adds the rooms after it. */
  load(after?: string): Promise<void>
}

/** Searches the rooms of the server that the user may enter, at once and whenever `wanted` changes. */
export function useRoomSearch(wanted: ReadonlySignal<ListRoomsOptions>): RoomSearch {
  const page = useSignal<Page | undefined>(undefined)
  const busy = useSignal(true)
  const problem = useSignal('')
  const turn = useRef(0)
  const load = async (after?: string) => {
    const mine = ++turn.current
    const own = chat.peek()
    if (own === undefined) return
    try {
      const next = await listRooms(own, { ...wanted.peek(), ...(after !== undefined && { after }) })
      if (mine !== turn.current) return
      const known = after === undefined ? [] : (page.peek()?.rooms ?? [])
      const names = new Set(known.map(({ name }) => name))
      page.value = { ...next, rooms: [...known, ...next.rooms.filter(({ name }) => !names.has(name))] }
      problem.value = ''
    } catch (error) {
      if (mine === turn.current) problem.value = problemOf(error)
    }
    if (mine === turn.current) busy.value = false
  }
  useSignalEffect(() => {
    wanted.value
    // The answer to the question before comes too late.
    turn.current++
    busy.value = true
    const timer = setTimeout(() => void load(), page.peek() === undefined ? 0 : afterTyping)
    return () => clearTimeout(timer)
  })
  return { page, busy, problem, load }
}
