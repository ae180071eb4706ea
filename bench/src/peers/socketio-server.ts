import { createServer } from 'node:http'
import { createClient } from '@redis/client'
import { createAdapter } from '@socket.io/redis-adapter'
import { Server } from 'socket.io'

/** A chat as the documentation of Socket.IO builds it, over WebSockets, with the Redis adapter if there is a `REDIS_URL`. */

const server = createServer((_request, response) => response.end('ok'))
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false })
const { REDIS_URL: url } = process.env
if (url !== undefined) {
  const publisher = createClient({ url })
  const subscriber = publisher.duplicate()
  await Promise.all([publisher.connect(), subscriber.connect()])
  io.adapter(createAdapter(publisher, subscriber))
  // The client gives up what Redis does not take in time, and the adapter loses it: the generator counts that.
  process.on('unhandledRejection', () => {})
}

io.on('connection', (socket) => {
  socket.on('join', async (room: string, done: () => void) => {
    await socket.join(room)
    done()
  })
  socket.on('message', (room: string, text: string) => io.to(room).emit('message', text))
})

server.listen(Number(process.env.PORT), '127.0.0.1')
