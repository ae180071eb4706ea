import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertNothingLeft,
  connectChat,
  inForm,
  noRateLimits,
  type Service,
  sharedRabbitMq,
  startBridge,
  startCluster,
  startSteadyClient,
  until,
} from '@rabble/harness'
import t from 'tap'
import { launchBrowser, listen, openChat, type Person } from '../browser.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const toBroker = await startBridge(t, (await sharedRabbitMq(t)).url)
const gatewayCount = inForm(2, 3)
const cluster = await startCluster(t, {
  gateways: gatewayCount,
  env: { ...noRateLimits, RABBLE_AMQP_URL: toBroker.url },
})

/** Returns the id of a gateway. */
async function idOf({ url }: Service): Promise<string> {
  const client = await connectChat(t, url)
  const welcome = await client.waitFor(({ type }) => type === 'welcome', 60_000)
  await client.close()
  return welcome.type === 'welcome' ? welcome.gateway : ''
}

/** Returns the gateway of a page. */
async function gatewayOf(person: Person): Promise<Service> {
  const id = await person.gateway()
  for (const gateway of cluster.gateways) if ((await idOf(gateway)) === id) return gateway
  throw new Error(`no gateway is ${id}`)
}

/** Headers of the columns of the table. */
const columns = ['Gateway', 'State', 'Sessions', 'Written', 'Delivered', 'Lag']

// Comes first: sessions of pages that were closed count for a while.
t.test(
  'the page of gateways draws them with their sessions, and shows one go and its clients move',
  async (t) => {
    const ada = await openChat(t, browser, cluster.url)
    const { page } = ada
    await ada.enter('Ada')
    const names = Array.from({ length: 12 }, (_, n) => `crowd-${n}`)
    await Promise.all(names.map((name) => startSteadyClient(t, { url: cluster.url, name, rooms: ['crowd'] })))

    await ada.showConnection(true)
    await page.getByRole('link', { name: 'All gateways' }).click()
    const table = page.getByRole('table')
    const rows = table.locator('tbody tr')
    await until(async () => (await rows.count()) === gatewayCount, 60_000, 'all gateways')
    const sessionsOn = (count: number) =>
      page
        .getByText(`13 sessions on ${count} ${count === 1 ? 'gateway' : 'gateways'}`, { exact: true })
        .waitFor()
    await sessionsOn(gatewayCount)
    // On a busy machine a gateway that reports late seems to be gone until its next report.
    const dots = async () => (await page.locator('.map-dot').count()) === 13
    await until(dots, 60_000, 'a dot for each')
    t.equal(
      await rows.filter({ hasText: 'yours' }).getByRole('rowheader').textContent(),
      `${await ada.gateway()}yours`,
    )
    t.equal(await page.locator('.map-gateway.here .map-name').textContent(), await ada.gateway())
    const cells = (column: string) =>
      rows.locator(`td:nth-of-type(${columns.indexOf(column)})`).allTextContents()
    const allReady = async () => (await cells('State')).every((state) => state === 'ready')
    await until(allReady, 60_000, 'all of them to be ready')

    const writer = await connectChat(t, cluster.url, { name: 'Writer' })
    await writer.join('crowd')
    const busy = async () => {
      await writer.send('crowd', 'news')
      const [written, delivered] = [await cells('Written'), await cells('Delivered')]
      return written.some((rate) => /[1-9]/.test(rate)) && delivered.some((rate) => /[1-9]/.test(rate))
    }
    await until(busy, 60_000, 'what is written and delivered to be counted')
    const measured = async () => (await cells('Lag')).every((lag) => /^[\d.,]+ ms$/.test(lag))
    await until(measured, 60_000, 'the lag of each')
    await writer.close()
    await sessionsOn(gatewayCount)

    const own = await gatewayOf(ada)
    const killed = cluster.gateways.find((gateway) => gateway !== own) ?? own
    const id = await idOf(killed)
    const news = await listen(page, '.page-body > .unseen[role="status"]')
    await killed.kill()
    const row = rows.filter({ hasText: id })
    await row.getByRole('cell', { name: 'gone' }).waitFor()
    await page.locator('.map-gateway.gone').getByText('gone').waitFor()
    await sessionsOn(gatewayCount - 1)
    const told = async () => (await news()).some((text) => text.includes(`${id} is gone.`))
    await until(told, 60_000, 'it to be told in words')
    await until(dots, 60_000, 'its dots to have moved')

    await killed.restart()
    await sessionsOn(gatewayCount)
    await ada.switchGateway()
    await rows
      .filter({ hasText: 'yours' })
      .filter({ hasText: await ada.gateway() })
      .waitFor()

    await page.emulateMedia({ reducedMotion: 'reduce' })
    await page.reload()
    await page.locator('.map-dot').first().waitFor()
    const moving = await page.evaluate(`[...document.querySelectorAll('*')].filter((element) => {
      const { transitionDuration, animationName } = getComputedStyle(element)
      return animationName !== 'none' || transitionDuration.split(',').some((time) => Number.parseFloat(time) > 0)
    }).map((element) => element.getAttribute('class'))`)
    t.same(moving, [], 'for a user who wants no motion nothing moves')
    t.same(ada.problems, [])
  },
)

t.test('two people at different gateways', async (t) => {
  const bob = await openChat(t, browser, `${cluster.url}/#talk`)
  const cleo = await openChat(t, browser, `${cluster.url}/#talk`)
  await bob.enter('Bob')
  await cleo.enter('Cleo')
  if ((await bob.gateway()) === (await cleo.gateway())) await cleo.switchGateway()

  await t.test(
    'see who comes and goes, types and talks, and lose nothing if one gateway is killed',
    async (t) => {
      t.not(await bob.gateway(), await cleo.gateway())
      for (const { page } of [bob, cleo]) {
        await page.getByRole('heading', { name: 'Here now: 2' }).waitFor()
        const listed = async () => (await page.locator('#people-list .name').allTextContents()).join()
        await until(async () => (await listed()) === 'Bob,Cleo', 60_000, 'both to be listed')
      }
      const dan = await connectChat(t, cluster.url, { name: 'Dan' })
      await dan.join('talk')
      for (const { page } of [bob, cleo]) await page.getByRole('heading', { name: 'Here now: 3' }).waitFor()
      await dan.close()
      for (const { page } of [bob, cleo]) await page.getByRole('heading', { name: 'Here now: 2' }).waitFor()
      const types = async () => {
        await bob.messageBox.press('o')
        return await cleo.page.getByText('Bob\u2069 is typing').isVisible()
      }
      await until(types, 60_000, 'Cleo to see that Bob types')
      const written: string[] = []
      const write = async (person: Person, text: string) => {
        written.push(text)
        await person.write(text)
      }
      await write(bob, 'Good morning')
      await cleo.sees('Good morning')
      for (const person of [bob, cleo]) {
        t.equal(await person.log.locator('.via').count(), 0)
        await person.showConnection(true)
        await person.page.getByLabel('Show the gateway of each message').check()
        await person.showConnection(false)
      }
      await write(cleo, 'two\nlines')
      await bob.shows(written)
      await cleo.shows(written)
      await bob.page.getByRole('img', { name: 'Sent', exact: true }).waitFor()
      t.equal(await cleo.messageBox.inputValue(), '')
      t.equal(await cleo.message('Good morning').locator('.via').textContent(), await bob.gateway())
      t.equal(await bob.message('two\nlines').locator('.via').textContent(), await cleo.gateway())

      const lost = await bob.gateway()
      const gateway = await gatewayOf(bob)
      // Sent without a pause, so that some are on their way to the gateway when it ends.
      const meanwhile = ['1', '2', '3', '4', '5'].map((n) => `Bob, when it dies: ${n}`)
      const writing = (async () => {
        for (const text of meanwhile) await write(bob, text)
      })()
      await gateway.kill()
      await writing
      await cleo.sees(meanwhile.at(-1) ?? '')
      await write(cleo, 'Cleo, afterwards')
      await bob.sees('Cleo, afterwards')
      t.not(await bob.gateway(), lost, 'another gateway holds Bob now')
      await bob.shows(written)
      await cleo.shows(written)
      await bob.page.reload()
      await bob.shows(written)
      let messages: { from: { id: string; name: string } }[] = []
      const stored = async () => {
        messages = (await (await fetch(`${cluster.url}/api/rooms/talk/messages`)).json()).messages
        return messages.length === written.length
      }
      await until(stored, 60_000, 'history to have all')
      const authors = messages.filter(({ from }) => from.name === 'Bob').map(({ from }) => from.id)
      t.equal(new Set(authors).size, 1, 'Bob has stayed the same user')
      await gateway.restart()
      await gateway.ready()
    },
  )

  await t.test('go to another gateway without a loss, and see where they are', async (t) => {
    await bob.go('moved')
    const dora = await connectChat(t, cluster.url, { name: 'Dora' })
    await dora.join('moved')
    const written: string[] = []
    for (let round = 0; round < inForm(1, 3); round++) {
      const before = await bob.gateway()
      let over = false
      const talking = (async () => {
        for (let n = 0; !over; n++) {
          const text = `${round}.${n}`
          written.push(text)
          await dora.send('moved', text)
          await sleep(20)
        }
      })()
      const [said] = await Promise.all([
        bob.switchGateway().finally(() => {
          over = true
        }),
        talking,
      ])
      t.not(await bob.gateway(), before)
      t.equal(said, `You are on ${await bob.gateway()} now.`)
    }
    await bob.sees(written.at(-1) ?? '')
    t.same(await bob.allTexts(), written)
    t.comment(`${written.length} messages while it went`)
  })

  await t.test('send what is unsent by itself, once, if the broker was out of reach', async (t) => {
    for (const person of [bob, cleo]) await person.go('broker')
    await bob.write('before')
    await cleo.sees('before')
    toBroker.cut()
    await bob.write('while it is down 1')
    await bob.write('while it is down 2')
    await bob.page.locator('.unsent').nth(1).waitFor()
    t.same(await cleo.texts(), ['before'])
    toBroker.mend()
    const written = ['before', 'while it is down 1', 'while it is down 2']
    await cleo.shows(written)
    await bob.page.locator('.unsent').first().waitFor({ state: 'detached' })
    await bob.shows(written)
  })

  await t.test('keep what they write without a network or any gateway, and send it afterwards', async (t) => {
    for (const person of [bob, cleo]) await person.go('offline')
    await bob.write('online')
    await cleo.sees('online')
    // Emulated networks don't affect open WebSockets, so these are stopped and ended with their gateway.
    const gateway = await gatewayOf(bob)
    gateway.freeze()
    await bob.page.context().setOffline(true)
    // The page has not noticed yet.
    await bob.write('offline 1')
    await bob.page.locator('.unsent').getByText('offline 1', { exact: true }).waitFor()
    await gateway.kill()
    await bob.page.getByText('Not connected').waitFor()
    await bob.page.getByText(/^You are offline/).waitFor()
    await bob.write('offline 2')
    await cleo.write('meanwhile')
    await bob.page.context().setOffline(false)
    await cleo.sees('offline 2')
    await bob.sees('meanwhile')
    for (const { page } of [bob, cleo]) await page.locator('.unsent').first().waitFor({ state: 'detached' })
    t.same(await bob.texts(), await cleo.texts(), 'both see the same')
    t.same((await bob.texts()).toSorted(), ['meanwhile', 'offline 1', 'offline 2', 'online'])

    // Unsent messages also survive a reload while all gateways are down.
    for (const other of cluster.gateways) if (other !== gateway) await other.kill()
    await bob.page.getByRole('button', { name: 'Try now' }).waitFor()
    await bob.write('before the reload')
    await bob.page.reload()
    await bob.page.locator('.unsent').getByText('before the reload', { exact: true }).waitFor()
    await Promise.all(cluster.gateways.map((gateway) => gateway.restart()))
    await cleo.sees('before the reload')
    t.equal((await cleo.texts()).filter((text) => text === 'before the reload').length, 1)
  })

  t.same([...bob.problems, ...cleo.problems], [])
})
