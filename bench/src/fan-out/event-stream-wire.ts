import { connect } from 'node:net'
import { startsWith, type Wire, type WireOptions } from './wire.ts'

const dataPrefix = Buffer.from('data: ')
const idPrefix = Buffer.from('id: ')
const eventPrefix = Buffer.from('event: ')
const lineFeed = 0x0a

/**
 * Connects over Server-Sent Events: one connection for the stream, another one for what goes up. Resolves once the session has
 * begun. The gateway writes whole lines into each chunk (RFC 9112, section 7.1), so the sizes of chunks are lines of their own that
 * can be skipped.
 */
export function openEventStreamWire({ port, onFrame, onBytes, onFailure }: WireOptions): Promise<Wire> {
  const stream = connect({ port, host: '127.0.0.1', noDelay: true })
  const posts = connect({ port, host: '127.0.0.1', noDelay: true })
  let buffered: Buffer = Buffer.alloc(0)
  let id = ''
  let isNamed = false
  const wire: Wire = {
    send(json) {
      const length = Buffer.byteLength(json)
      posts.write(
        `POST /sse HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nLast-Event-ID: ${id}\r\nContent-Length: ${length}\r\n\r\n${json}`,
      )
    },
  }

  return new Promise((resolve) => {
    for (const socket of [stream, posts]) {
      socket.on('error', (error) => onFailure(error.message))
      socket.on('close', () => onFailure('the connection was closed'))
    }
    posts.on('data', (answers) => {
      if (answers.includes('HTTP/1.1 4') || answers.includes('HTTP/1.1 5')) onFailure(answers.toString())
    })
    stream.on('connect', () => stream.write(`GET /sse HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`))
    stream.on('data', (chunk) => {
      onBytes(chunk.length)
      buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk])
      let start = 0
      for (let end = buffered.indexOf(lineFeed); end !== -1; end = buffered.indexOf(lineFeed, start)) {
        take(buffered.subarray(start, end))
        start = end + 1
      }
      buffered = buffered.subarray(start)
    })

    function take(line: Buffer): void {
      if (startsWith(line, dataPrefix)) {
        // The data of a named event is no frame.
        if (!isNamed) onFrame(line.subarray(dataPrefix.length), false)
      } else if (startsWith(line, idPrefix)) {
        isNamed = false
        // The first id is enough to name the session.
        if (id !== '') return
        id = line.toString('latin1', idPrefix.length)
        resolve(wire)
      } else if (startsWith(line, eventPrefix)) isNamed = true
    }
  })
}
