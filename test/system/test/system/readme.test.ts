import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { assertNothingLeft, connectChat, dataFolder, startService, until } from '@rabble/harness'
import t from 'tap'

assertNothingLeft(t)

// The path is seen from test/system/dist/test/system.
const readme = readFileSync(new URL('../../../../../README.md', import.meta.url), 'utf8')

t.test('the first client of the README chats', async (t) => {
  const rabble = await startService(t, 'standalone', { DATA_DIR: dataFolder(t) })
  const bob = await connectChat(t, rabble.url, { name: 'Bob' })
  await bob.join('general')

  const [, script = ''] = /```js\n([\s\S]*?)```/.exec(readme) ?? []
  t.match(script, 'ws://127.0.0.1:8080/ws', 'it connects to where `make start` listens')
  const here = script.replace('ws://127.0.0.1:8080', rabble.url.replace('http', 'ws'))
  // Node.js 20 has the browser's WebSocket behind a flag. Later versions need no flag.
  const flag = process.allowedNodeEnvironmentFlags.has('--experimental-websocket')
  const robot = spawn(process.execPath, [
    ...(flag ? ['--experimental-websocket'] : []),
    '--input-type=module',
    '--eval',
    here,
  ])
  const ended = new Promise((resolve) => robot.once('close', resolve))
  t.teardown(() => {
    robot.kill()
    return ended
  })
  let output = ''
  let problems = ''
  robot.stdout.on('data', (data) => {
    output += data
  })
  robot.stderr.on('data', (data) => {
    problems += data
  })

  await bob.waitFor((frame) => frame.type === 'message' && frame.text === 'Hi!', 60_000)
  await bob.send('general', 'Hello, Robot!')
  await until(() => output.includes('Bob: Hello, Robot!'), 60_000, 'the robot to show the answer')
  t.equal(output, 'Robot: Hi!\nBob: Hello, Robot!\n')
  t.notMatch(problems, /Error/)
})
