import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertNothingLeft,
  type Cluster,
  connectChat,
  noRateLimits,
  sharedRabbitMq,
  startBridge,
  startCluster,
  type TestContext,
  until,
} from '@rabble/harness'
import t from 'tap'
import { launchBrowser, openChat, type Person } from '../browser.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const toBroker = await startBridge(t, (await sharedRabbitMq(t)).url)
const cluster = await startCluster(t, { env: { ...noRateLimits, RABBLE_AMQP_URL: toBroker.url } })

/** Returns the index of the gateway with this id. */
async function numberOf(t: TestContext, { gateways }: Cluster, id: string): Promise<number> {
  for (const [n, { url }] of gateways.entries()) {
    const client = await connectChat(t, url)
    const welcome = await client.waitFor(({ type }) => type === 'welcome', 60_000)
    await client.close()
    if (welcome.type === 'welcome' && welcome.gateway === id) return n
  }
  throw new Error(`no gateway is ${id}`)
}

t.test('the gateway of one is killed, and both go on: nothing is missing, nothing there twice', async (t) => {
  const url = `${cluster.url}/#killed`
  const ada = await openChat(t, browser, url)
  const bob = await openChat(t, browser, url)
  await ada.enter('Ada')
  await bob.enter('Bob')
  if ((await ada.gateway()) === (await bob.gateway())) await bob.switchGateway()
  const lost = await ada.gateway()
  const gateway = cluster.gateways[await numberOf(t, cluster, lost)]
  const written: string[] = []
  const write = async (person: Person, text: string) => {
    written.push(text)
    await person.write(text)
  }
  for (let n = 0; n < 4; n++) {
    await write(ada, `Ada, before: ${n}`)
    await bob.sees(`Ada, before: ${n}`)
    await write(bob, `Bob, before: ${n}`)
    await ada.sees(`Bob, before: ${n}`)
  }
  // Sent without a pause, so that some are on their way to the gateway when it ends.
  const meanwhile = ['1', '2', '3', '4', '5'].map((n) => `Ada, when it dies: ${n}`)
  const writing = (async () => {
    for (const text of meanwhile) await write(ada, text)
  })()
  await gateway?.kill()
  await writing
  await bob.sees(meanwhile.at(-1) ?? '')
  await write(bob, 'Bob, afterwards')
  await ada.sees('Bob, afterwards')
  t.not(await ada.gateway(), lost, 'another gateway holds Ada now')
  await ada.shows(written)
  await bob.shows(written)
  await ada.page.reload()
  await ada.shows(written)
  await gateway?.restart()
  await gateway?.ready()
  t.same([...ada.problems, ...bob.problems], [])
})

t.test('going to another gateway loses nothing, and says where one is', async (t) => {
  const url = `${cluster.url}/#moved`
  const cleo = await openChat(t, browser, url)
  await cleo.enter('Cleo')
  const dan = await connectChat(t, cluster.url, { name: 'Dan' })
  await dan.join('moved')
  const written: string[] = []
  for (let round = 0; round < 3; round++) {
    const before = await cleo.gateway()
    let over = false
    const talking = (async () => {
      for (let n = 0; !over; n++) {
        const text = `${round}.${n}`
        written.push(text)
        await dan.send('moved', text)
        await sleep(20)
      }
    })()
    const [said] = await Promise.all([
      cleo.switchGateway().finally(() => {
        over = true
      }),
      talking,
    ])
    t.not(await cleo.gateway(), before)
    t.equal(said, `You are on ${await cleo.gateway()} now.`)
  }
  await cleo.sees(written.at(-1) ?? '')
  t.same(await cleo.allTexts(), written)
  t.comment(`${written.length} messages while it went`)
  t.same(cleo.problems, [])
})

t.test('the broker is out of reach for a while: what was unsent goes out by itself, once', async (t) => {
  const url = `${cluster.url}/#broker`
  const eve = await openChat(t, browser, url)
  const fay = await openChat(t, browser, url)
  await eve.enter('Eve')
  await fay.enter('Fay')
  await eve.write('before')
  await fay.sees('before')
  toBroker.cut()
  await eve.write('while it is down 1')
  await eve.write('while it is down 2')
  await eve.page.locator('.unsent').nth(1).waitFor()
  t.same(await fay.texts(), ['before'])
  toBroker.mend()
  const written = ['before', 'while it is down 1', 'while it is down 2']
  await fay.shows(written)
  await eve.page.locator('.unsent').first().waitFor({ state: 'detached' })
  await eve.shows(written)
  t.same([...eve.problems, ...fay.problems], [])
})

t.test('without a network the page says so, keeps what is written, and sends it afterwards', async (t) => {
  const url = `${cluster.url}/#offline`
  const gus = await openChat(t, browser, url)
  const hal = await openChat(t, browser, url)
  await gus.enter('Gus')
  await hal.enter('Hal')
  await gus.write('online')
  await hal.sees('online')
  await cut(gus, async () => {
    await gus.write('offline 1')
    await gus.page.locator('.unsent').getByText('offline 1', { exact: true }).waitFor()
  })
  await gus.page.getByText(/^You are offline/).waitFor()
  await gus.write('offline 2')
  await hal.write('meanwhile')
  await gus.page.context().setOffline(false)
  await hal.sees('offline 2')
  await gus.sees('meanwhile')
  for (const { page } of [gus, hal]) await page.locator('.unsent').first().waitFor({ state: 'detached' })
  t.same(await gus.texts(), await hal.texts(), 'both see the same')
  t.same((await gus.texts()).toSorted(), ['meanwhile', 'offline 1', 'offline 2', 'online'])

  // Unsent messages also survive a reload while all gateways are down.
  for (const gateway of cluster.gateways) await gateway.kill()
  await gus.page.getByRole('button', { name: 'Try now' }).waitFor()
  await gus.write('before the reload')
  await gus.page.reload()
  await gus.page.locator('.unsent').getByText('before the reload', { exact: true }).waitFor()
  await Promise.all(cluster.gateways.map((gateway) => gateway.restart()))
  await hal.sees('before the reload')
  t.equal((await hal.texts()).filter((text) => text === 'before the reload').length, 1)
  t.same([...gus.problems, ...hal.problems], [])
})

t.test(
  'a user stays the same over closed tabs and gateways, and signs out of all tabs at once',
  async (t) => {
    const url = `${cluster.url}/#tabs`
    const ida = await openChat(t, browser, url)
    await ida.enter('Ida')
    await ida.write('before')
    await ida.sees('before')
    const context = ida.page.context()
    await ida.page.close()
    const [one, two] = [await context.newPage(), await context.newPage()]
    for (const tab of [one, two]) {
      await tab.goto(url)
      await tab.getByText(/^Connected as \u2068Ida/).waitFor({ state: 'attached' })
    }
    const gateways = [...cluster.gateways]
    await gateways[0]?.kill()
    await one.getByRole('textbox', { name: 'Message' }).fill('afterwards')
    await one.getByRole('textbox', { name: 'Message' }).press('Enter')
    await two.getByRole('log').getByText('afterwards', { exact: true }).waitFor()
    await gateways[0]?.restart()
    await gateways[0]?.ready()
    let authors: string[] = []
    const stored = async () => {
      const { messages } = await (await fetch(`${cluster.url}/api/rooms/tabs/messages`)).json()
      authors = messages.map(({ from }: { from: { id: string } }) => from.id)
      return authors.length === 2
    }
    await until(stored, 60_000, 'history to have both messages')
    t.equal(authors[0], authors[1], 'one user has written both')

    await two.getByRole('button', { name: /^Your menu/ }).click()
    await two.getByRole('button', { name: 'Sign out' }).click()
    await one.getByText('You are signed out.').waitFor()
    for (const tab of [one, two]) await tab.getByRole('textbox', { name: 'Your name' }).waitFor()
    await two.reload()
    await two.getByRole('textbox', { name: 'Your name' }).waitFor()
    t.same(ida.problems, [])
  },
)

/**
 * Cuts off the network. During `meanwhile` the page has not noticed yet. Emulated networks don't affect open WebSockets, so
 * these are stopped and ended with their gateway.
 */
async function cut(person: Person, meanwhile: () => Promise<void>): Promise<void> {
  const gateway = cluster.gateways[await numberOf(t, cluster, await person.gateway())]
  gateway?.freeze()
  await person.page.context().setOffline(true)
  await meanwhile()
  await gateway?.kill()
  await person.page.getByText('Not connected').waitFor()
  await gateway?.restart()
  await gateway?.ready()
}
