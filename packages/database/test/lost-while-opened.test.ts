import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { connectPostgres, isUnavailable } from '../src/index.ts'

/** A message of PostgreSQL's protocol: its type, its length, and what is in it. */
function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([Buffer.from(type), length, body])
}

const authenticated = message('R', Buffer.alloc(4))
const ready = message('Z', Buffer.from('I'))
const fields = ['SFATAL', 'C57P01', 'Mterminating connection due to unexpected postmaster exit', '']
const failed = message('E', Buffer.from(fields.map((field) => `${field}\0`).join('')))

t.test('a server that ends a connection just as it is open: the query fails, and nothing else', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    // In one piece, as it arrives if the server is killed at that moment.
    socket.once('data', () => socket.end(Buffer.concat([authenticated, ready, failed])))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const database = await connectPostgres(`postgres://ada@127.0.0.1:${port}/chat`)
  t.teardown(() => database.close())
  for (let n = 0; n < 3; n++) {
    const error: unknown = await database.query('select 1', []).catch((error: unknown) => error)
    t.ok(isUnavailable(error), String(error))
  }
})
