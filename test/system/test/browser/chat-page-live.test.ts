import {
  assertNothingLeft,
  connectChat,
  noRateLimits,
  startCluster,
  startSteadyClient,
  until,
} from '@rabble/harness'
import t from 'tap'
import { launchBrowser, listen, openChat } from '../browser.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const cluster = await startCluster(t, { gateways: 3, env: noRateLimits })

/** Headers of the columns of the table. */
const columns = ['Gateway', 'State', 'Sessions', 'Written', 'Delivered', 'Lag']

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
    await until(async () => (await rows.count()) === 3, 60_000, 'three gateways')
    await page.getByText('13 sessions on 3 gateways').waitFor()
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
    const allReady = async () => (await cells('State')).join() === 'ready,ready,ready'
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
    await page.getByText('13 sessions on 3 gateways').waitFor()

    const here = await ada.gateway()
    const killed = await (async () => {
      for (const gateway of cluster.gateways) {
        const client = await connectChat(t, gateway.url)
        const welcome = await client.waitFor(({ type }) => type === 'welcome', 60_000)
        await client.close()
        if (welcome.type === 'welcome' && welcome.gateway !== here) return { gateway, id: welcome.gateway }
      }
      throw new Error('there is one gateway only')
    })()
    const news = await listen(page, '.page-body > .unseen[role="status"]')
    await killed.gateway.kill()
    const row = rows.filter({ hasText: killed.id })
    await row.getByRole('cell', { name: 'gone' }).waitFor()
    await page.locator('.map-gateway.gone').getByText('gone').waitFor()
    await page.getByText('13 sessions on 2 gateways').waitFor()
    const told = async () => (await news()).some((text) => text.includes(`${killed.id} is gone.`))
    await until(told, 60_000, 'it to be told in words')
    await until(dots, 60_000, 'its dots to have moved')

    await killed.gateway.restart()
    await page.getByText('13 sessions on 3 gateways').waitFor()
    await ada.switchGateway()
    await rows
      .filter({ hasText: 'yours' })
      .filter({ hasText: await ada.gateway() })
      .waitFor()
    t.same(ada.problems, [])
  },
)

t.test('for who wants no motion nothing moves', async (t) => {
  const calm = await openChat(t, browser, `${cluster.url}/#/live`, { reducedMotion: 'reduce' })
  await calm.enter('Calm')
  await calm.page.locator('.map-dot').first().waitFor()
  const moving = await calm.page.evaluate(`[...document.querySelectorAll('*')].filter((element) => {
    const { transitionDuration, animationName } = getComputedStyle(element)
    return animationName !== 'none' || transitionDuration.split(',').some((time) => Number.parseFloat(time) > 0)
  }).map((element) => element.getAttribute('class'))`)
  t.same(moving, [])
  t.same(calm.problems, [])
})
