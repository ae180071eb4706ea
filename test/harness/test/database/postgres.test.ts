import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import t from 'tap'
import { assertNothingLeft, startPostgres } from '../../src/index.ts'

assertNothingLeft(t)

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return client
}

t.test('a cluster', async (t) => {
  const start = performance.now()
  const postgres = await startPostgres(t)
  t.comment(`ready in ${Math.round(performance.now() - start)} ms`)
  const url = await postgres.createDatabase()

  await t.test('has databases that know nothing of each other', async (t) => {
    const [one, two] = [await connect(url), await connect(await postgres.createDatabase())]
    await one.query('CREATE TABLE here (n int)')
    await t.rejects(two.query('SELECT * FROM here'), { code: '42P01' })
    await Promise.all([one.end(), two.end()])
  })

  await t.test('asks for its password', async (t) => {
    await t.rejects(connect(url.replace(/:[0-9a-f]+@/, ':guess@')), { code: '28P01' })
  })

  await t.test('keeps what it committed when it is killed and started again', async (t) => {
    const client = await connect(url)
    await client.query('CREATE TABLE kept (n int)')
    await client.query('INSERT INTO kept VALUES (7)')
    await postgres.kill()
    await t.rejects(client.query('SELECT 1'), 'its backends are gone as well')
    await postgres.restart()
    const again = await connect(url)
    t.same((await again.query('SELECT n FROM kept')).rows, [{ n: 7 }])
    await again.end()
  })

  await t.test('answers nothing while it is frozen, on open connections either', async (t) => {
    const client = await connect(url)
    postgres.freeze()
    const answer = client.query('SELECT 1').then(() => 'answered')
    t.equal(await Promise.race([answer, delay(200, 'silent')]), 'silent')
    postgres.thaw()
    t.equal(await answer, 'answered')
    await client.end()
  })

  await t.test('stops in peace, even when frozen', async (t) => {
    postgres.freeze()
    t.equal(await postgres.stop(), 0)
  })
})
