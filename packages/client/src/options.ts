import type { User } from '@rabble/contract'
import type { ChatClock } from './clock.ts'

/** Subset of `localStorage` and `sessionStorage`. Its exceptions are ignored. */
export interface StorageLike {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

/** Subset of a WebSocket that the SDK uses. Those of browsers, of Node.js 22 and of the package `ws` fit. */
export interface WebSocketLike {
  send(data: string): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'open' | 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
}
/** Class of a WebSocket. */
export type WebSocketConstructor = new (url: string, protocols: string) => WebSocketLike

/**
 * How frames travel: over a WebSocket to a gateway's own address, which `api/route` tells, over a WebSocket, over Server-Sent Events and
 * POST requests, or over long polling and POST requests.
 */
export type Transport = 'direct' | 'websocket' | 'sse' | 'polling'

/** Subset of a response of `fetch`. The optional parts serve `sse` (`body`), `polling` (`text`) and exports (`body`) only. */
export interface ResponseLike {
  ok: boolean
  status: number
  json(): Promise<unknown>
  text?(): Promise<string>
  headers?: { get(name: string): string | null }
  body?: ReadableStream<Uint8Array> | null
}

/** Subset of `fetch` that the SDK uses. */
export type FetchLike = (
  url: string,
  init: {
    headers: Record<string, string>
    signal: AbortSignal
    method?: string
    body?: string
    cache?: 'no-store'
    keepalive?: boolean
  },
) => Promise<ResponseLike>

/** Takes what the SDK notes: `console` fits, and so do the loggers of pino and winston with a small adapter. */
export interface Logger {
  /** Changes of a connection and of rooms. */
  debug(text: string, details?: unknown): void
  /** Lost connections, refusals, gaps, and messages that could not be sent. */
  warn(text: string, details?: unknown): void
}

/** Options of `connect`. */
export interface ConnectOptions {
  /** URL of Rabble, such as `https://chat.example.org/`. Default: in a browser, the page's address. */
  url?: string
  /** Name of a guest. */
  name?: string
  /** Token of an account. */
  token?: string
  /**
   * Returns a token, instead of `token`. Called before each connection, and before the session's token expires, to renew the
   * session. Time limit: 10 s. If it fails, or the server refuses the token, it is called again; five refusals in a row are
   * final.
   */
  getToken?: () => string | Promise<string>
  /**
   * User of the token, if the application knows it: what this user left unsent in `storage` is there before the first connection.
   * The server's answer counts.
   */
  user?: User
  /** Storage of a guest's token, unsent messages and the last transport, so that they survive a reload. Default: memory only. */
  storage?: StorageLike
  /**
   * Transports to use, the best one first. The chat takes the next one while one does not work, and later returns to the first.
   * Default: `['websocket', 'sse', 'polling']`. A server whose gateways have public addresses adds `direct` before `websocket`, once the
   * chat has a token: cookies don't reach these addresses.
   */
  transports?: readonly Transport[]
  /**
   * WebSocket class. Default: `globalThis.WebSocket`. On Node.js 20 pass that of the package `ws`; without one the chat uses the
   * other transports.
   */
  WebSocket?: WebSocketConstructor
  /** Function for HTTP requests. Default: `globalThis.fetch`. */
  fetch?: FetchLike
  /** Number of messages that each room holds in `messages`; `loadOlder` adds to it. Default: 200. */
  keep?: number
  /** Maximum number of messages per room to read from history after an absence; more make a `gap`. Default: 10,000. */
  catchUp?: number
  /** Silence (ms) after which the client pings the gateway, which must answer within half of that time. Default: 20,000. */
  heartbeat?: number
  /** Maximum of unsent items, and of their JSON in bytes. Default: 500 items and 256 KiB. */
  outbox?: { count?: number; bytes?: number }
  /** Takes what happens to the connection and to rooms, such as `console`. Default: none. */
  logger?: Logger
  /** Clock and timers, for tests and for hosts with a clock of their own. Default: those of the machine. */
  clock?: ChatClock
}
