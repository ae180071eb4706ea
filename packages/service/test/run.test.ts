import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from '@rabble/harness'
import t from 'tap'

const entry = new URL('../src/index.js', import.meta.url)
const scriptOf = (format: string) => `
import { createApp, createLogger, runService, standardOutput } from ${JSON.stringify(entry.href)}
await runService({
  async start() {
    const logger = createLogger('test', 'info', standardOutput('${format}'))
    const started = () => process.stderr.write('started')
    return { app: createApp({ logger }), logger, host: '127.0.0.1', port: 0, started }
  },
})`

const lastLines = {
  auto: /^\{"level":"info","time":"[^"]+Z","pid":\d+,"name":"test","msg":"stopped"\}$/m,
  pretty: /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO \(test\): stopped$/m,
}

for (const [reader, format] of [
  ['there', 'auto'],
  ['gone', 'auto'],
  ['there', 'pretty'],
  ['gone', 'pretty'],
] as const) {
  t.test(`a service stops while the reader of its log is ${reader}: ${format}`, async (t) => {
    const args = ['-i', process.execPath, '--input-type=module', '--eval', scriptOf(format)]
    const child = spawn('/usr/bin/env', args, {
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
    if (reader === 'there') await until(() => lastLines[format].test(log), 30_000, 'the last line')
  })
}
