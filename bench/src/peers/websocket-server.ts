import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'

/**
 * The least that a chat server in Node.js can do: the first message of a client names its room, and each further one goes to all
 * members as it is. A member gets all messages of one turn in one write. Nothing is stored, checked or acknowledged.
 */

/** A room: its members, and the frames of this turn. */
interface Room {
  members: Set<Duplex>
  frames: Buffer[]
}

const rooms = new Map<string, Room>()
const server = createServer((_request, response) => response.end('ok'))
const sockets = new WebSocketServer({ server, perMessageDeflate: false })

sockets.on('connection', (socket, request) => {
  let room: Room | undefined
  const tcp = request.socket
  socket.on('message', (data: Buffer) => {
    if (room !== undefined) return publish(room, data)
    const name = data.toString()
    room = rooms.get(name) ?? { members: new Set(), frames: [] }
    rooms.set(name, room)
    room.members.add(tcp)
    socket.send('joined')
  })
  socket.on('close', () => room?.members.delete(tcp))
  socket.on('error', () => {})
})

function publish(room: Room, data: Buffer): void {
  if (room.frames.length === 0) setImmediate(flush, room)
  room.frames.push(frameOf(data))
}

function flush(room: Room): void {
  const bytes = Buffer.concat(room.frames)
  room.frames = []
  for (const member of room.members) member.write(bytes)
}

/** Returns a text frame of at most 64 KiB: RFC 6455, section 5.2. */
function frameOf(data: Buffer): Buffer {
  const head =
    data.length > 125
      ? Buffer.from([0x81, 126, data.length >> 8, data.length & 0xff])
      : Buffer.from([0x81, data.length])
  return Buffer.concat([head, data])
}

server.listen(Number(process.env.PORT), '127.0.0.1')
