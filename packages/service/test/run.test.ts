import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from '@rabble/harness'
import t from 'tap'

const entry = new URL('../src/index.js', import.meta.url)
const script = `
import { createApp, createLogger, runService } from ${JSON.stringify(entry.href)}
await runService({
  async start() {
    const logger = createLogger('test')
    const started = () => process.stderr.write('started')
    return { app: createApp({ logger }), logger, host: '127.0.0.1', port: 0, started }
  },
})`

for (const reader of ['there', 'gone'] as const) {
  t.test(`a service stops while the reader of its log is ${reader}`, async (t) => {
    const child = spawn('/usr/bin/env', ['-i', process.execPath, '--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    let log = ''
    child.stdout.on('data', (data) => {
      log += data
    })
    await once(child.stderr, 'data')
    if (reader === 'gone') child.stdout.destroy()
    child.kill('SIGTERM')
    await until(() => child.exitCode !== null, 30_000, 'it to exit')
    t.equal(child.exitCode, 0)
    if (reader === 'there') await until(() => log.includes('"stopped"'), 30_000, 'the last line')
  })
}
