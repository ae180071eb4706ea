import { computed } from '@preact/signals'
import { conversations } from '../state/conversations.ts'
import { changes, chat } from '../state/session.ts'
import { listedOf } from './listed.ts'

/** Rooms of this tab and their states, which change far less often than their messages. */
const joined = computed(() => {
  changes.value
  return JSON.stringify(chat.value?.rooms.map(({ name, status }) => ({ name, status })) ?? [])
})

/** Rooms and direct conversations of the sidebar, in its order. */
export const listed = computed(() =>
  listedOf(conversations.value?.conversations ?? [], JSON.parse(joined.value)),
)
