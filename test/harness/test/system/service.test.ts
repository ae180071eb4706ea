import { fileURLToPath } from 'node:url'
import t from 'tap'
import { assertNothingLeft, startService, until } from '../../src/index.ts'
import { isRunning } from '../../src/process-tree.ts'

assertNothingLeft(t)
const script = fileURLToPath(new URL('../fixtures/service.js', import.meta.url))

interface Answer {
  pid: number
  child?: number
  env: Record<string, string>
}

async function ask(url: string): Promise<Answer> {
  return (await (await fetch(url)).json()) as Answer
}

t.test('a service', async (t) => {
  const service = await startService(t, 'fixture', { COLOUR: 'blue', EXIT_CODE: '3' }, { script })

  await t.test('is ready, in the environment that it was given', async (t) => {
    const { env, pid } = await ask(service.url)
    t.same(Object.keys(env).sort(), ['COLOUR', 'EXIT_CODE', 'PATH', 'PORT'])
    t.equal(pid, service.pid)
    const line = `listening on ${service.port}`
    await until(() => service.logs().includes(line), 30_000, 'what it wrote to come through its pipe')
  })

  await t.test('comes back on its port after it was killed', async (t) => {
    const before = service.pid
    await service.kill()
    await t.rejects(fetch(service.url))
    await service.restart()
    const { pid } = await ask(service.url)
    t.not(pid, before)
  })

  await t.test('is silent while it is frozen', async (t) => {
    service.freeze()
    await t.rejects(fetch(service.url, { signal: AbortSignal.timeout(200) }))
    service.thaw()
    t.equal((await ask(service.url)).pid, service.pid)
  })

  await t.test('tells its exit code when it is stopped', async (t) => {
    t.equal(await service.stop(), 3)
    t.match(service.logs(), /going\n.*ended with 3/)
    t.equal(await service.stop(), 3, 'also when asked again')
  })
})

t.test('who is killed by somebody else leaves no worker behind, which would keep its port', async (t) => {
  const service = await startService(t, 'fixture', { WORKER: 'yes' }, { script })
  const { child = 0 } = await ask(service.url)
  t.ok(isRunning(child))
  process.kill(service.pid, 'SIGKILL')
  await until(() => !service.running && !isRunning(child), 30_000, 'both to be gone')
  await service.restart()
  t.ok(await ask(service.url))
})

t.test('a service may be waited for later', async (t) => {
  const service = await startService(t, 'fixture', { NOT_YET: 'yes' }, { script, wait: 'live' })
  t.equal((await fetch(`${service.url}/readyz`)).status, 503)
  const ready = service.ready()
  await fetch(`${service.url}/be-ready`)
  await ready
  t.equal((await fetch(`${service.url}/readyz`)).status, 200)
})

t.test('a service that ends at its start is an error that shows its output', async (t) => {
  const start = startService(t, 'fixture', { PORT: '-1' }, { script })
  await t.rejects(start, /ended before it was ready[\s\S]*ERR_SOCKET_BAD_PORT/)
})

t.test('two services get two ports', async (t) => {
  const services = await Promise.all([1, 2].map(() => startService(t, 'fixture', {}, { script })))
  t.not(services[0]?.port, services[1]?.port)
})
