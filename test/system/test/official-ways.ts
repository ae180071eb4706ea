import { inForm, type TestContext, until } from '@rabble/harness'
import { buildHub, type HubTransport } from '@rabble/harness/official-clients'

/** All ways in which a client of SignalR can be connected. */
const allHubWays = ([10, 3] as const).flatMap((version) =>
  (
    [
      ['WebSockets', false],
      ['WebSockets', true],
      ['ServerSentEvents', false],
      ['LongPolling', false],
      ['LongPolling', true],
    ] as [HubTransport, boolean][]
  ).map(([over, messagePack]) => ({ version, over, messagePack, cookies: false })),
)
export type HubWay = (typeof allHubWays)[number]
/** All ways in which a client of Socket.IO can be connected. */
const allSocketIoWays = ([4, 3, 2] as const).flatMap((version) =>
  ([['websocket'], ['polling'], ['polling', 'websocket']] as ('polling' | 'websocket')[][]).map(
    (transports) => ({ version, transports }),
  ),
)

export type SocketIoWay = (typeof allSocketIoWays)[number]

/**
 * Ways that a test takes. The usual form has all of the newest versions, and one of each older version, which differ in how they
 * identify themselves but share their transports with the newest.
 */
export const hubWays = inForm(
  allHubWays.filter(
    ({ version, over, messagePack }) => version === 10 || (over === 'WebSockets' && !messagePack),
  ),
  allHubWays,
)
export const socketIoWays = inForm(
  allSocketIoWays.filter(({ version, transports }) => version === 4 || transports.length === 2),
  allSocketIoWays,
)
/** Ways that are also taken with cookies, by which Nginx finds the gateway again. */
export const cookieHubWays = hubWays.filter(({ over }) => inForm(over === 'LongPolling', true))

/** Returns all of some kinds of clients for the way with this index. The usual form has one, another one for the next way. */
export function kindsOf<Kind>(index: number, kinds: readonly Kind[]): readonly Kind[] {
  return inForm(
    kinds.filter((_, n) => n === index % kinds.length),
    kinds,
  )
}

let people = 0
/** Returns a name that no other client has. */
export const nameFor = ({ version, ...way }: { version: number; [part: string]: unknown }) =>
  `${++people} v${version} ${Object.values(way).flat().join(' ')}`.slice(0, 40)

interface LossyOptions {
  way: HubWay
  /** `ends`: it does not come back by itself. `guest`, `token`: it does so, with or without an access token. */
  row: 'ends' | 'guest' | 'token'
  tokenFor(name: string): Promise<string>
}

/** Connects a client of SignalR, to which messages may get lost with its gateway. */
export async function startLossyHub(t: TestContext, url: string, { way, row, tokenFor }: LossyOptions) {
  const name = nameFor({ ...way, row })
  const token = await tokenFor(name)
  const hub = buildHub(t, url, {
    ...way,
    ...(row !== 'ends' && { reconnects: Array.from({ length: 300 }, () => 200) }),
    ...(row === 'token' && { accessTokenFactory: () => token }),
  })
  const heard: string[] = []
  let via = ''
  hub.on('ReceiveMessage', (_user: string, text: string, server: string) => {
    heard.push(text)
    if (text.startsWith(`${name}: `)) via = server
  })
  await hub.start()
  return {
    name,
    row,
    hub,
    heard,
    /** Id of the gateway that took its last message. */
    via: () => via,
    say: (text: string) => hub.invoke('SendMessage', name, `${name}: ${text}`),
    hears: (text: string) => until(() => heard.includes(text), 60_000, `${name} to hear ${text}`),
  }
}
