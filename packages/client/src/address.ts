/** Where Rabble is: a page, or the WebSocket itself. */
export interface Address {
  /** Of the WebSocket. */
  socket: string
  /** Below it is what is asked over HTTP. */
  base: URL
}

/** @throws TypeError if it is no address, or none is given where there is no page */
export function addressOf(url = ''): Address {
  const base = new URL(url, globalThis.document?.baseURI)
  if (!/^(http|ws)s?:$/.test(base.protocol)) throw new TypeError(`Invalid URL: ${url}`)
  base.protocol = base.protocol.replace('ws', 'http')
  base.pathname = base.pathname.replace(/\/ws$/, '/')
  const socket = new URL('ws', base)
  socket.protocol = socket.protocol.replace('http', 'ws')
  return { socket: socket.href, base }
}
