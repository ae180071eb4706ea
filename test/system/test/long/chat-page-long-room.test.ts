import { gzipSync } from 'node:zlib'
import { connectPostgres, type Database } from '@rabble/database'
import { assertNothingLeft, connectChat, noRateLimits, startCluster, until } from '@rabble/harness'
import type { Response } from 'playwright-core'
import t from 'tap'
import { launchBrowser, openChat, type Person } from '../browser.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const cluster = await startCluster(t, { env: { ...noRateLimits, RABBLE_RECENT_PER_ROOM: '20' } })
const database = await connectPostgres(cluster.databaseUrl)
t.teardown(() => database.close())
const url = `${cluster.url}/#long`
const old = 100_000
const fresh = 40
const needle = 'a needle among many others'
/** Position of the needle, far back. */
const needleAt = 0.7 * old
/** Number of messages to scroll through. */
const scrolled = 4_000
await fill(database)

/** Inserts messages a minute apart, as history would have: they have lower sequences than the first event of the log. */
async function fill(database: Database): Promise<void> {
  await database.query(
    `insert into history.messages (partition, sequence, at, id, room, sender_id, sender_name, text, via)
     select 0, -n, now() - n * interval '1 minute', 'old-' || n, 'long', 'guest-' || n / 3 % 5, 'Person ' || n / 3 % 5,
       case when n = $3 then $2 else 'old message ' || n || repeat(' and so on', n % 7 * (n % 13)) end, 'gateway-old'
     from generate_series(1, $1::int) n`,
    [old, needle, needleAt],
  )
  // The search follows the log. Messages before it are marked to be indexed again.
  await database.query(
    `insert into history.search_stale (at, partition, sequence)
     select at, partition, sequence from history.messages where id = $1`,
    [`old-${needleAt}`],
  )
  const writer = await connectChat(t, cluster.url, { name: 'Writer', timeout: 60_000 })
  await writer.join('long')
  for (let n = 1; n <= fresh; n++) await writer.send('long', `new message ${n}`)
  const stored = async () => {
    const [row] = await database.query<{ count: number }>(
      "select count(*) from history.messages where room = 'long'",
    )
    return row?.count === old + fresh
  }
  await until(stored, 180_000, 'history to have them')
  const indexed = async () => {
    const [row] = await database.query<{ count: number }>('select count(*) from history.search_stale')
    return row?.count === 0
  }
  await until(indexed, 180_000, 'the search to have it')
}

t.test('what the browser loads before the first message is small', async (t) => {
  const person = await openChat(t, browser, 'about:blank')
  const { page } = person
  const bodies: Promise<{ name: string; size: number }>[] = []
  const weigh = (response: Response) => {
    const { pathname } = new URL(response.url())
    if (response.status() !== 200 || !pathname.endsWith('.js')) return
    bodies.push(response.body().then((body) => ({ name: pathname, size: gzipSync(body).length })))
  }
  page.on('response', weigh)
  await page.goto(url)
  await person.enter('First')
  await person.sees(`new message ${fresh}`)
  page.off('response', weigh)
  const scripts = await Promise.all(bodies)
  const size = scripts.reduce((sum, { size }) => sum + size, 0)
  t.comment(`${scripts.map(({ name }) => name)}: ${size} bytes of JavaScript, compressed`)
  t.ok(size > 0 && size < 68 * 1024, 'less than 68 KiB of JavaScript')

  await page.addInitScript(`new MutationObserver((_, observer) => {
    if (document.querySelector('.row .text') === null) return
    observer.disconnect()
    requestAnimationFrame(() => { globalThis.firstMessageAt = performance.now() })
  }).observe(document, { childList: true, subtree: true })`)
  await page.reload()
  // A function, since the page's policy forbids the evaluation of strings.
  const at = await page.waitForFunction(() => Reflect.get(globalThis, 'firstMessageAt') as unknown)
  t.comment(
    `the first message was on the screen ${Math.round(Number(await at.jsonValue()))} ms after a reload`,
  )
  t.same(person.problems, [])
})

t.test('scrolling back through thousands of messages: nothing jumps, and the page stays small', async (t) => {
  const reader = await openChat(t, browser, url)
  await reader.enter('Reader')
  await reader.sees(`new message ${fresh}`)
  const before = await heap(reader)
  const found = await reader.log.evaluate(scrollBack, scrolled)
  t.comment(JSON.stringify({ ...found, texts: undefined }))
  t.ok(found.seen >= scrolled, 'all that were wanted were seen')
  t.ok(found.maxNodes < 4_000, `never more than ${found.maxNodes} elements`)
  t.ok(found.worst <= 2, `what is looked at stays where it is: ${found.worst} pixels at most`)
  t.ok(found.leap <= 2, `and goes as far as it is scrolled: ${found.leap} pixels off at most`)
  // The order is that of the log, each message once, without a gap.
  const numbers = found.texts.map((text) => Number(/^old message (\d+)/.exec(text)?.[1]))
  const olds = numbers.filter((n) => !Number.isNaN(n))
  t.same(
    olds,
    Array.from({ length: olds.length }, (_, n) => n + 1),
    'none is missing, none there twice',
  )
  const after = await heap(reader)
  t.comment(`heap: ${before.size} MB, after ${found.seen} messages ${after.size} MB; ${after.nodes} nodes`)
  t.ok(after.size < 20, 'the heap is small')
  t.ok(after.nodes < 4_000, 'rows that are gone from the page are gone')

  await reader.page.getByRole('button', { name: 'To the newest' }).click()
  await reader.page.getByText(`new message ${fresh}`, { exact: true }).waitFor()
  t.ok((await heap(reader)).size < before.size + 15, 'at the end the old ones are let go of')
  t.same(reader.problems, [])
})

t.test(
  'a message that is found far back is shown in its place, and one button leads back to the newest',
  async (t) => {
    const person = await openChat(t, browser, url)
    const { page, log } = person
    await person.enter('Finder')
    await person.sees(`new message ${fresh}`)
    await page.getByRole('link', { name: 'Search', exact: true }).click()
    const words = page.getByRole('searchbox', { name: 'Words to search for' })
    await words.fill('-')
    await words.press('Enter')
    await page.getByRole('alert').filter({ hasText: /\w/ }).waitFor()
    await words.fill('needle')
    await words.press('Enter')
    const hit = page.getByRole('list', { name: 'Messages found' }).getByRole('button')
    await page.getByText('One message').waitFor()
    t.equal(await hit.locator('.snippet mark').textContent(), 'needle')
    t.match(await hit.textContent(), /Person 3in long/)
    await page.getByLabel('By').selectOption({ label: '\u2068Finder\u2069 (you)' })
    await page.getByText('No message has all of these words.').waitFor()
    await page.getByLabel('By').selectOption({ label: 'everybody' })
    await hit.click()
    await log.locator('.row.marked').getByText(needle, { exact: true }).waitFor()
    await onScreen(person, needle)
    await page.getByText('You are reading earlier messages').waitFor()
    const around = await log.evaluate(scrollBack, 400)
    t.ok(
      around.worst <= 2 && around.leap <= 2,
      `nothing jumps here either: ${around.worst}, ${around.leap} pixels`,
    )
    await page.getByRole('button', { name: 'To the newest' }).click()
    await page.getByText(`new message ${fresh}`, { exact: true }).waitFor()
    await onScreen(person, `new message ${fresh}`)
    t.same(person.problems, [])
  },
)

t.test('a date leads to the first message of that day', async (t) => {
  const person = await openChat(t, browser, url, { timezoneId: 'UTC' })
  const { page } = person
  await person.enter('Dater')
  await person.sees(`new message ${fresh}`)
  const day = new Date(Date.now() - 20 * 86_400_000).toISOString().slice(0, 10)
  const [first] = await database.query<{ text: string }>(
    "select text from history.messages where room = 'long' and at >= $1 order by sequence limit 1",
    [`${day}T00:00:00Z`],
  )
  await page.getByRole('button', { name: 'About the room' }).click()
  const dialog = page.getByRole('dialog', { name: 'long' })
  await dialog.getByLabel('Go to a date').fill(day)
  await dialog.getByRole('button', { name: 'Go' }).click()
  await person.sees(first?.text ?? '')
  await onScreen(person, first?.text ?? '')
  t.equal(await person.log.locator('.row.marked .text').textContent(), first?.text)
  await person.write('whoever writes is back')
  await person.sees('whoever writes is back')
  await onScreen(person, 'whoever writes is back')
  t.same(person.problems, [])
})

/** Waits until a text is visible in the list, which may have to scroll to it first. */
async function onScreen({ log }: Person, text: string): Promise<void> {
  const isThere = async () => {
    const [frame, box] = await Promise.all([
      log.boundingBox(),
      log.getByText(text, { exact: true }).boundingBox(),
    ])
    return frame !== null && box !== null && box.y >= frame.y && box.y + box.height <= frame.y + frame.height
  }
  await until(isThere, 60_000, `${text} to be on the screen`)
}

/** Returns the memory (MB) of the page's scripts, and the number of nodes in the page or held by a script. */
async function heap({ page }: Person): Promise<{ size: number; nodes: number }> {
  const session = await page.context().newCDPSession(page)
  // An object that is held by one freed in the first run is freed in the next one.
  for (let n = 0; n < 4; n++) await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  const { nodes } = await session.send('Memory.getDOMCounters')
  await session.detach()
  return { size: Math.round(usedSize / 1e6), nodes }
}

interface Scrolled {
  seen: number
  /** Maximum distances (px): of a row that moved without scrolling, and between the reached and the expected scroll position. */
  worst: number
  leap: number
  maxNodes: number
  /** Texts of the messages that were seen, from the last one. */
  texts: string[]
}

/** Scrolls up until `wanted` messages were seen. Runs in the page. */
async function scrollBack(scroller: SVGElement | HTMLElement, wanted: number): Promise<Scrolled> {
  const frame = () =>
    new Promise<void>((resolve) => {
      requestAnimationFrame(() => setTimeout(resolve, 0))
    })
  const texts = new Map<string, string>()
  const topOf = (row: Element) => row.getBoundingClientRect().top
  let worst = 0
  let leap = 0
  let maxNodes = 0
  for (let step = 0; texts.size < wanted && step < wanted; step++) {
    const edge = topOf(scroller)
    const rows = [...scroller.querySelectorAll('.row[data-id]')]
    for (const row of rows.toReversed()) {
      texts.set(row.getAttribute('data-id') ?? '', row.querySelector('.text')?.textContent ?? '')
    }
    const anchor = rows.find((row) => topOf(row) > edge + 60)
    if (anchor === undefined) throw new Error('nothing can be seen')
    const before = topOf(anchor)
    const scrolled = Math.min(600, scroller.scrollTop)
    scroller.scrollTop -= scrolled
    await frame()
    if (anchor.isConnected) leap = Math.max(leap, Math.abs(topOf(anchor) - before - scrolled))
    const looked = [...scroller.querySelectorAll('.row[data-id]')].find((row) => topOf(row) > edge + 60)
    const at = looked && topOf(looked)
    for (let n = 0; n < 2; n++) {
      await frame()
      if (looked === undefined || at === undefined || !looked.isConnected)
        throw new Error('what was looked at is gone')
      worst = Math.max(worst, Math.abs(topOf(looked) - at))
    }
    maxNodes = Math.max(maxNodes, scroller.ownerDocument.querySelectorAll('*').length)
  }
  return { seen: texts.size, worst, leap, maxNodes, texts: [...texts.values()] }
}
