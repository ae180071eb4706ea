/** URLs of a Rabble server. */
export interface Address {
  /** URL of the WebSocket. */
  socket: string
  /** Base URL of the HTTP requests. */
  base: URL
  /** URL of the gateway's own WebSocket to which this chat was sent last. */
  direct?: string
}

/**
 * Derives the URLs from the address of a page or of the WebSocket (`/ws`). Default: the page's own address.
 * @throws TypeError if `url` is invalid, or missing where there is no page
 */
export function addressOf(url = ''): Address {
  const base = new URL(url, globalThis.document?.baseURI)
  if (!/^(http|ws)s?:$/.test(base.protocol)) throw new TypeError(`Invalid URL: ${url}`)
  base.protocol = base.protocol.replace('ws', 'http')
  base.pathname = base.pathname.replace(/\/ws$/, '/')
  const socket = new URL('ws', base)
  socket.protocol = socket.protocol.replace('http', 'ws')
  return { socket: socket.href, base }
}
