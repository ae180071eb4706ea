import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { assertNothingLeft, freePort, leftovers, privateFolder, type TestContext } from '../src/index.ts'

/** Returns a test context whose `end` runs the teardowns. */
function createContext(): TestContext & { end(): Promise<void> } {
  const works: (() => unknown)[] = []
  return {
    name: 'context',
    teardown: (work) => works.push(work),
    comment: () => {},
    passing: () => true,
    async end() {
      for (const work of works.reverse()) await work()
    },
  }
}

t.test('nothing left is fine', async () => {
  const context = createContext()
  assertNothingLeft(context)
  privateFolder(context, 'test')
  await context.end()
})

t.test('a process, a listener and a folder are each reported', async (t) => {
  const forgetful = createContext()
  const folder = privateFolder(forgetful, 'test')
  const port = await freePort()
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  const child = spawn('sleep', ['600'])

  const context = createContext()
  assertNothingLeft(context, 500)
  await t.rejects(context.end(), new RegExp(`process ${child.pid}.*\n.*port ${port}\n.*${folder}`))

  child.kill()
  await once(child, 'exit')
  server.close()
  await forgetful.end()
  t.same(await leftovers(), [])
})

t.test('ports are not given twice', async (t) => {
  const ports = await Promise.all(Array.from({ length: 200 }, freePort))
  t.equal(new Set(ports).size, 200)
})
