import * as current from '@microsoft/signalr'
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack'
import * as old from 'signalr-3'
import { MessagePackHubProtocol as OldMessagePackHubProtocol } from 'signalr-protocol-msgpack-3'
import type { TestContext } from '../test-context.ts'

export type HubTransport = 'WebSockets' | 'ServerSentEvents' | 'LongPolling'

export interface HubOptions {
  /** Version of the library: 10.0 (the default) or 3.1. */
  version?: 10 | 3
  over?: HubTransport
  messagePack?: boolean
  /** Whether the client keeps cookies, as the library does. Default: true. */
  cookies?: boolean
  /** Delays (ms) before the attempts of `withAutomaticReconnect`. Default: it is not used. */
  reconnects?: number[]
  /** Whether the client asks for a stateful reconnect. */
  stateful?: boolean
  /** Default: `/chathub`. */
  path?: string
  accessTokenFactory?: () => string | Promise<string>
  /** Class of the WebSocket. The type of the official options needs the types of browsers for it. */
  WebSocket?: unknown
}

type Library = Pick<
  typeof current,
  'HttpClient' | 'HttpError' | 'HttpResponse' | 'HttpTransportType' | 'HubConnectionBuilder' | 'LogLevel'
>

/** The old version has the same interface, as far as it is used here. */
const libraries = { 10: current, 3: old as unknown as Library }
const protocols = {
  10: MessagePackHubProtocol,
  3: OldMessagePackHubProtocol as unknown as typeof MessagePackHubProtocol,
}

/** Builds a connection of the official client, which is stopped at teardown. `url` is the `http://` address without a path. */
export function buildHub(t: TestContext, url: string, options: HubOptions = {}): current.HubConnection {
  const { version = 10, over = 'WebSockets', messagePack, cookies = true, path = '/chathub' } = options
  const { reconnects, stateful, accessTokenFactory, WebSocket } = options
  const library: Library = libraries[version]
  const transport = {
    transport: library.HttpTransportType[over],
    ...(accessTokenFactory && { accessTokenFactory }),
    ...(WebSocket !== undefined && { WebSocket }),
    ...(!cookies && { httpClient: createHttpClient(library) }),
  }
  const builder = new library.HubConnectionBuilder()
    .withUrl(`${url}${path}`, transport as current.IHttpConnectionOptions)
    .configureLogging(library.LogLevel.None)
  if (messagePack) builder.withHubProtocol(new protocols[version]())
  if (reconnects) builder.withAutomaticReconnect(reconnects)
  if (stateful) builder.withStatefulReconnect()
  const hub = builder.build()
  t.teardown(() => hub.stop())
  return hub
}

/** Returns an HTTP client that ignores cookies. In Node the library's own one keeps them. */
function createHttpClient({ HttpClient, HttpError, HttpResponse }: Library): current.HttpClient {
  return new (class extends HttpClient {
    override async send(request: current.HttpRequest): Promise<current.HttpResponse> {
      const { url = '', method = 'GET', headers = {}, content, abortSignal, responseType } = request
      const abort = new AbortController()
      if (abortSignal) abortSignal.onabort = () => abort.abort()
      const response = await fetch(url, { method, headers, signal: abort.signal, body: content || null })
      const { ok, status, statusText } = response
      if (!ok) throw new HttpError(statusText, status)
      if (responseType === 'arraybuffer') {
        return new HttpResponse(status, statusText, await response.arrayBuffer())
      }
      return new HttpResponse(status, statusText, await response.text())
    }
  })()
}
