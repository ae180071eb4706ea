import { checkOrder, connectChat, until } from '@rabble/harness'
import type { Test } from 'tap'
import type { Chat } from '../src/index.ts'
import { chatWith, enter, idsIn, watch } from './build.ts'

/**
 * Lets a reader miss `count` messages of a room, and checks that it has all of them once it is back, although more arrive while it
 * reads history. Its gateway must remember fewer messages, and must not ask history itself.
 */
export async function missMessages(
  t: Test,
  options: {
    room: string
    count: number
    /** Addresses of the gateways of both, and of Rabble, which has the history. */
    reader: string
    writer: string
    url: string
    /** Cuts the reader off. */
    cut(): unknown
    /** Lets it come back. */
    mend(reader: Chat): unknown
  },
): Promise<void> {
  const { room: name, count, url } = options
  let meanwhile: (() => Promise<unknown>) | undefined
  const reader = chatWith(t, {
    url: options.reader,
    name: 'Reader',
    // Another transport would go by `fetch`, to gateways that ask history themselves.
    transports: ['websocket'],
    async fetch(there, init) {
      await meanwhile?.()
      // Rewrites the URL as Nginx does.
      return fetch(url + new URL(there).pathname + new URL(there).search, init)
    },
  })
  const room = enter(reader, name)
  const events = watch(room)
  await room.join()
  const writer = await connectChat(t, options.writer, { name: 'Writer', timeout: 60_000 })
  await writer.join(name)
  const { id } = await writer.send(name, 'the last one before')
  const written = [id]
  await until(() => idsIn(events).includes(id), 30_000, 'the last one before')
  await options.cut()
  while (written.length <= count) {
    const texts = Array.from({ length: 100 }, (_, index) => `${written.length + index}`)
    written.push(...(await Promise.all(texts.map((text) => writer.send(name, text)))).map(({ id }) => id))
  }
  const inHistory = async () => (await room.history({ limit: 1 })).messages.at(-1)?.id
  await until(async () => (await inHistory()) === written.at(-1), 90_000, 'history to have it')
  // More messages arrive while the reader reads, but few enough that a history that lags lacks no more than the gateway has.
  let more = 0
  meanwhile = async () => {
    if (more++ < 15) written.push((await writer.send(name, 'while the reader reads')).id)
  }
  await options.mend(reader)
  const isBack = () => room.status === 'joined' && idsIn(events).length > count
  await until(isBack, 90_000, 'the reader to come back')
  meanwhile = undefined
  t.ok(more > 0)
  const seen = () =>
    checkOrder({ reader: idsIn(events), writer: writer.messages(name).map(({ id }) => id) }, written)
  await until(() => seen().ok, 90_000, 'the rest').catch(() => {})
  t.ok(seen().ok, seen().text)
  const returns = events.filter((event) => event.type === 'joined').slice(1)
  t.ok(
    returns.some(({ complete }) => !complete),
    'history was needed',
  )
  t.notOk(events.some(({ type }) => type === 'gap'))
}
