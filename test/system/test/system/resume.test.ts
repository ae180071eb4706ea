import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertNothingLeft,
  type ChatClient,
  checkOrder,
  connectChat,
  inForm,
  noRateLimits,
  startCluster,
  until,
} from '@rabble/harness'
import t from 'tap'

assertNothingLeft(t)

function ids(...clients: ChatClient[]): string[] {
  return clients.flatMap((client) => client.messages('general').map(({ id }) => id))
}

/** Number of messages that the reader misses. At most 10,000 can be resumed at once. */
const missed = inForm(1_000, 5_000)

t.test(
  `who was away for ${missed} messages, of which the gateway remembers 200, comes back without a gap or a repeat`,
  async (t) => {
    const { gateways, histories } = await startCluster(t, {
      rooms: 0,
      nginx: false,
      env: { ...noRateLimits, RABBLE_RECENT_PER_ROOM: '200' },
    })
    const [history] = histories
    const [one, two] = gateways.map(({ url }) => url)
    const writer = await connectChat(t, one ?? '', { name: 'Writer', timeout: 60_000 })
    await writer.join('general')
    const { id: older } = await writer.send('general', 'an older one')
    const before = await connectChat(t, two ?? '', { name: 'Reader' })
    await before.join('general')
    await writer.send('general', 'the last one that the reader sees')
    await before.waitFor((frame) => frame.type === 'message' && frame.id !== older)
    await before.close()

    const acknowledged = ids(before)
    const write = async (count: number) => {
      const sent = await Promise.all(Array.from({ length: count }, (_, n) => writer.send('general', `${n}`)))
      acknowledged.push(...sent.map(({ id }) => id))
    }
    for (let i = 0; i < missed / 100; i++) await write(100)
    const stored = async () => {
      const page = await fetch(`${history?.url}/api/rooms/general/messages?limit=1`)
      return JSON.parse(await page.text()).messages.at(-1)?.id === acknowledged.at(-1)
    }
    await until(stored, 120_000, 'history to have what was missed')
    // About 500 messages a second follow while the reader reconnects, but no more than can be resumed at once.
    let writing = true
    const more = (async () => {
      while (writing) {
        if (acknowledged.length < 9_000) await write(25)
        await sleep(50)
      }
    })()

    /** Reconnects until history has caught up. A gateway waits for that as well, but not as long as this test does. */
    const comeBack = async (name: string) => {
      let back: ChatClient | undefined
      const resumed = async () => {
        await back?.close()
        back = await connectChat(t, two ?? '', { name, timeout: 60_000 })
        return (await back.join('general', { after: ids(before).at(-1) })).complete
      }
      await until(resumed, 180_000, 'history to have caught up')
      return back as ChatClient
    }
    const back = await comeBack('Reader')
    const atOnce = back.frames.find((frame) => frame.type === 'joined')?.events.length ?? 0
    t.ok(atOnce >= missed, `${atOnce} at once`)

    // After history's death, resumed clients go on live. A client that resumes after an event that the gateway does not hold is
    // told that events may be missing.
    await history?.kill()
    const late = await connectChat(t, two ?? '', { name: 'Late', timeout: 30_000 })
    t.equal((await late.join('general', { after: older })).complete, false)
    // Its start may take so long that more would be missed than can be resumed.
    writing = false
    await more
    await history?.restart()
    await history?.ready()
    const again = await comeBack('Again')

    const last = acknowledged.at(-1) ?? ''
    for (const client of [back, again, writer]) await client.sees(last)
    const report = checkOrder(
      { writer: ids(writer), reader: ids(before, back), again: [...ids(before), ...ids(again)] },
      acknowledged,
    )
    t.ok(report.ok, report.text)
    t.comment(report.text)
  },
)
