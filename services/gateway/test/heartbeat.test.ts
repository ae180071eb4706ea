import { defaultLimits } from '@rabble/contract'
import { until } from '@rabble/harness'
import t from 'tap'
import { watchOver } from '../src/heartbeat.ts'
import { type Connection, Session } from '../src/session.ts'
import { webSocketWire } from '../src/transports/websocket-frame.ts'

/** Holds up this whole process, as a machine that is moved or out of memory does. */
function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

t.test('whom a gateway that stood still could not hear is asked before it is given up', async (t) => {
  const done: string[] = []
  const connection: Connection = {
    wire: webSocketWire,
    unsent: 1,
    taken: 0,
    write() {},
    pause() {},
    resume() {},
    ping: () => done.push('asked'),
    close: (reason) => done.push(reason),
    terminate: () => done.push('given up'),
    drained: async () => {},
  }
  const client = { id: 'a', transport: 'test', connection, cookie: undefined }
  const session = new Session(client, defaultLimits, { dirty() {}, ended() {} })
  const stop = watchOver([session], { helloTimeout: 1_000, heartbeat: 400 }, () => done.push('lost'))
  t.teardown(stop)
  standStill(2_000)
  await until(() => done.length > 0, 30_000, 'the first look')
  t.equal(done[0], 'asked')
  await until(() => done.includes('lost') || done.length > 50, 30_000, 'the end of what does not answer')
  t.equal(
    done.find((what) => what !== 'asked'),
    'lost',
  )
})
