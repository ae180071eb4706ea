import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { ChannelModel } from 'amqplib'

/*
 * Two fixes for the handshake of amqplib (2.3.1), to which its API gives no access:
 *
 * - It drops the broker's reason for a refusal: for a virtual host that doesn't exist, or a limit of connections that is reached,
 *   only "Expected ConnectionOpenOk; got <ConnectionClose channel:0>" is left.
 * - Nobody can listen for errors yet: an error that arrives together with the last reply of the handshake is thrown where nobody
 *   catches it, and ends the process.
 */

/** Parts of amqplib's Connection that this module uses. */
interface Connection extends EventEmitter {
  open(fields: object, done: (error: Error | null, ok?: unknown) => void): void
  recvFrame(): Frame | false
  /** Whether the connection is closed. */
  expectSocketClose: boolean
}

interface Frame {
  id?: number
  fields: { replyCode: number; replyText: string }
}

/** Method Connection.Close: class 10, method 50. */
const connectionClose = (10 << 16) | 50

const require = createRequire(import.meta.url)
const { Connection }: { Connection: { prototype: Connection } } = require(
  join(dirname(require.resolve('amqplib')), 'lib/connection.js'),
)
const { open } = Connection.prototype

Connection.prototype.open = function (fields, done) {
  let refusal: Error | undefined
  const receive = this.recvFrame
  this.recvFrame = () => {
    const frame = receive.call(this)
    if (frame !== false && frame.id === connectionClose) {
      refusal = new Error(`RabbitMQ refuses the connection: ${frame.fields.replyText}`)
    }
    return frame
  }
  this.on('error', () => {})
  open.call(this, fields, (error, ok) => {
    Reflect.deleteProperty(this, 'recvFrame')
    if (error !== null) done(refusal ?? error)
    else if (this.expectSocketClose) done(refusal ?? new Error('connection closed'))
    else done(null, ok)
  })
}

/** Whether a connection is closed. Its event may have been emitted before a listener was possible. */
export function hasEnded(model: ChannelModel): boolean {
  const { stream } = model.connection as unknown as { stream: Duplex }
  return stream.destroyed || stream.writableEnded
}
