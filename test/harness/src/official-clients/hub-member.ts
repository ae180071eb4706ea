import { randomUUID } from 'node:crypto'
import { HubConnectionState } from '@microsoft/signalr'
import type { ChatEvent } from '@rabble/contract'
import type { TestContext } from '../test-context.ts'
import { type Member, type MemberOptions, persist, retryDelay } from './member.ts'
import { buildHub, type HubOptions } from './signalr.ts'

export interface HubWay extends Pick<HubOptions, 'version' | 'over' | 'messagePack' | 'cookies'> {
  /** Method by which it gets what it missed. */
  resume: 'Stream' | 'Join'
}

/** Connects a client of SignalR by a token, that of the user or of a guest. Resolves when it hears the lobby. */
export async function startHubMember(
  t: TestContext,
  { resume, ...way }: HubWay,
  { url, lobby, name, token: given, hear }: MemberOptions,
): Promise<Member> {
  let token = given
  let comebacks = 0
  let isOver = false
  t.teardown(() => {
    isOver = true
  })
  let last: string | undefined
  const hub = buildHub(t, url, {
    ...way,
    reconnects: Array.from({ length: 1_000 }, () => retryDelay),
    accessTokenFactory: () => token ?? '',
  })
  /** Events that came before the result of `Join` was read. */
  let waiting: ChatEvent[] | undefined
  const take = (event: ChatEvent) => {
    if (event.type !== 'message' || event.room !== lobby) return
    last = event.id
    hear(event)
  }
  hub.on('ReceiveMessage', () => {})
  hub.on('Event', (json: string) => {
    if (waiting === undefined) take(JSON.parse(json))
    else waiting.push(JSON.parse(json))
  })
  const after = () => (last === undefined ? [] : [last])

  /** Resolves with true when it hears the lobby again, without a gap. */
  async function join(): Promise<true | undefined> {
    waiting = []
    const { events, complete } = await hub.invoke<{ events: string[]; complete: boolean }>(
      'Join',
      lobby,
      ...after(),
    )
    if (last !== undefined && !complete) return undefined
    const missed = events.map((json) => JSON.parse(json) as ChatEvent)
    const ids = new Set(missed.map(({ id }) => id))
    for (const event of [...missed, ...waiting.filter(({ id }) => !ids.has(id))]) take(event)
    waiting = undefined
    return true
  }

  function stream(): void {
    const session = comebacks
    const again = () => setTimeout(() => !isOver && session === comebacks && stream(), retryDelay)
    const reading = hub.stream<string>('Stream', lobby, ...after()).subscribe({
      next(json) {
        const event = JSON.parse(json) as ChatEvent | { type: 'gap' }
        if (session !== comebacks) return
        if (event.type !== 'gap') take(event)
        else {
          reading.dispose()
          again()
        }
      },
      // The end of the connection ends the stream too. Then the next session begins another one.
      error: again,
      complete() {},
    })
  }

  const enter = async () => {
    const session = comebacks
    if (resume === 'Stream') stream()
    else await persist(join, () => isOver || session !== comebacks)
  }
  hub.onreconnected(() => {
    comebacks++
    enter().catch(() => {})
  })
  // The library comes back after a loss, but its user has to repeat a first attempt that fails. On a loaded machine it may: a client has
  // to connect within 15 s after it has negotiated.
  for (let attempts = 1; hub.state !== HubConnectionState.Connected; attempts++) {
    await hub.start().catch((error) => {
      if (attempts === 5) throw error
    })
  }
  if (token === undefined) {
    const welcome = await hub.invoke<string>('Request', JSON.stringify({ type: 'hello', name }))
    token = JSON.parse(welcome).token
  }
  await enter()
  // Calls are carried out in their order, so the stream has begun when this is answered.
  await hub.invoke('Members', lobby)
  return {
    get comebacks() {
      return comebacks
    },
    say(text) {
      const cid = randomUUID()
      return persist(
        () => hub.invoke<string>('Send', lobby, text, cid),
        () => isOver,
      )
    },
  }
}
