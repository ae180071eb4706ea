import { execFile } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createManualClock } from '@rabble/clock/manual'
import { defaultLimits } from '@rabble/contract'
import { createApp, createLogger } from '@rabble/service'
import { Server } from 'socket.io'
import t, { type Test } from 'tap'
import { serveEngine } from '../../src/transports/socketio/engine-server.ts'
import type { SessionHost } from '../../src/transports/transport.ts'

/**
 * Folder `docs` of https://github.com/socketio/socket.io, with the test suites of its protocols, in each of which `npm ci` was run.
 * Without it these tests are skipped.
 */
const folder = process.env.SOCKETIO_SUITES ?? ''
const suites = ['engine.io-protocol/v4', 'engine.io-protocol/v3', 'socket.io-protocol/v5']

for (const suite of suites) {
  const path = join(folder, `${suite}-test-suite`)
  const skip = folder === '' || !existsSync(path) ? 'SOCKETIO_SUITES names no folder with the suites' : false
  t.test(`the suite ${suite} passes`, { skip }, async (t) => {
    const url = await serve(t, suite)
    // The suites name their server.
    const text = readFileSync(join(path, 'test-suite.js'), 'utf8').replaceAll('http://localhost:3000', url)
    const copy = join(path, 'test-suite.rabble.js')
    writeFileSync(copy, text)
    t.teardown(() => rmSync(copy))
    // Some of their tests miss a packet that comes together with the WebSocket's answer, and fail now and then.
    const run = promisify(execFile)('npx', ['mocha', '--exit', '--retries', '2', copy], {
      cwd: path,
      timeout: 60_000,
    })
    const { stdout } = await run.catch((error: { stdout: string }) => ({
      stdout: `failing\n${error.stdout}`,
    }))
    t.notMatch(stdout, /failing/)
    t.match(stdout, /\d+ passing/)
  })
}

/** Serves what a suite asks for, with the server of the transport. Returns its address. */
async function serve(t: Test, suite: string): Promise<string> {
  const app = createApp({ logger: createLogger('test', 'silent') })
  t.teardown(() => app.close())
  const host: SessionHost = {
    id: 'gateway-aa',
    lobby: 'general',
    limits: defaultLimits,
    times: { helloTimeout: 1_000, heartbeat: 25_000 },
    clock: createManualClock(),
    compression: false,
    closed: false,
    refusal: () => undefined,
    allows: () => true,
    open: () => undefined,
    receive() {},
    disconnected() {},
    gatewayUrl: async () => undefined,
    forwarded() {},
  }
  const isEngine = suite.startsWith('engine.io')
  const engine = await serveEngine(app, host, {
    name: 'socketio',
    path: isEngine ? '/engine.io/' : '/socket.io/',
    engine: { pingInterval: 300, pingTimeout: 200, maxHttpBufferSize: 1_000_000 },
    open(socket) {
      if (isEngine) socket.on('data', (data) => socket.send(data))
      return { reading: () => undefined, polled() {} }
    },
  })
  if (!isEngine) {
    const io = new Server({ serveClient: false, connectTimeout: 1_000 })
    io.bind(engine)
    for (const namespace of ['/', '/custom']) {
      io.of(namespace).on('connection', (socket) => {
        socket.emit('auth', socket.handshake.auth)
        socket.on('message', (...args) => socket.emit('message-back', ...args))
        socket.on('message-with-ack', (...args) => args.pop()(...args))
      })
    }
  }
  return app.listen({ port: 0, host: '127.0.0.1' })
}
