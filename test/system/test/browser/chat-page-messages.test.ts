import { connect } from '@rabble/client'
import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  inForm,
  noRateLimits,
  startService,
  until,
} from '@rabble/harness'
import t from 'tap'
import { WebSocket } from 'ws'
import { launchBrowser, openChat, type Person } from '../browser.ts'
import { axe, checkView } from '../check-view.ts'
import { hostileTexts } from '../hostile-texts.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', {
  ...noRateLimits,
  DATA_DIR: dataFolder(t),
  RABBLE_COMPRESSION: 'on',
})

const phone = { viewport: { width: 390, height: 844 }, colorScheme: 'dark' } as const

/** Script that keeps the page's connection where a test finds it. */
const keepSocket = `
  const Plain = WebSocket
  globalThis.WebSocket = class extends Plain {
    constructor(...args) {
      super(...args)
      globalThis.socket = this
    }
  }`

const ada = await openChat(t, browser, `${rabble.url}/#talk`, { script: `${axe}\n${keepSocket}` })
await ada.enter('Ada')

/** Waits until the reactions to a message are exactly these, each as the emoji with its count; own ones have a `*`. */
function reacts(person: Person, text: string, wanted: string): Promise<void> {
  const shown = () =>
    person
      .message(text)
      .locator('.reaction:not(.underway)')
      .evaluateAll((all) =>
        all
          .map((one) => `${one.textContent}${one.getAttribute('aria-pressed') === 'true' ? '*' : ''}`)
          .join(', '),
      )
  return until(async () => (await shown()) === wanted, 60_000, `the reactions ${wanted}`)
}

t.test('a browser gets compression, with which all of these tests run', async (t) => {
  const extensions = await ada.page.evaluate('socket.extensions')
  t.match(extensions, /^permessage-deflate; client_no_context_takeover/)
})

t.test(
  'a click reacts to a message, another one takes that back, and everybody sees the counts',
  async (t) => {
    const bob = await openChat(t, browser, `${rabble.url}/#talk`, { ...phone, script: axe })
    await bob.enter('Bob')
    await ada.write('It works.')
    await bob.sees('It works.')

    // Bob with the mouse, to a message of another person.
    await bob.press('It works.', 'Add reaction')
    const picker = bob.page.getByRole('dialog', { name: 'Add reaction' })
    await picker.getByRole('button', { name: 'party popper' }).waitFor()
    await checkView(t, bob, 'the picker of reactions', 'on a phone, dark')
    await picker.getByRole('button', { name: 'party popper' }).click()
    await reacts(bob, 'It works.', '🎉 1*')
    await reacts(ada, 'It works.', '🎉 1')

    // Ada with the keyboard, to her own message.
    const { keyboard } = ada.page
    const own = ada.message('It works.').getByRole('button', { name: 'Add reaction' })
    await ada.press('It works.', 'Add reaction')
    await ada.page.getByRole('searchbox', { name: 'Search emoji' }).waitFor()
    await keyboard.press('ArrowDown')
    const focused = () => ada.page.evaluate('document.activeElement.getAttribute("aria-label")')
    const first = await focused()
    await keyboard.press('ArrowDown')
    await keyboard.press('ArrowRight')
    await keyboard.press('ArrowUp')
    await keyboard.press('ArrowLeft')
    t.equal(await focused(), first, 'the arrow keys move in the grid')
    await keyboard.press('Escape')
    await until(() => own.evaluate((button) => button.matches(':focus')), 60_000, 'the focus to come back')
    await keyboard.press('Enter')
    await ada.page.getByRole('searchbox', { name: 'Search emoji' }).waitFor()
    // As fast as a user can be: before the page has heard that the picker was closed.
    await ada.page.evaluate(`
      document.querySelector('dialog.picker').close()
      document.activeElement.click()`)
    await ada.page.getByRole('searchbox', { name: 'Search emoji' }).waitFor()
    await keyboard.type('launch')
    await keyboard.press('Enter')
    await reacts(ada, 'It works.', '🎉 1, 🚀 1*')

    await ada.message('It works.').getByRole('button', { name: /^🎉 1/ }).click()
    await reacts(bob, 'It works.', '🎉 2*, 🚀 1')
    const title = () => bob.message('It works.').locator('.reaction').first().getAttribute('title')
    t.equal(await title(), 'you and \u2068Ada\u2069')
    await checkView(t, ada, 'reactions', 'on a desktop, light')
    await checkView(t, bob, 'reactions', 'on a phone, dark')
    await bob.message('It works.').getByRole('button', { name: /^🎉 2/ }).click()
    for (const person of [ada, bob]) {
      await reacts(person, 'It works.', person === ada ? '🎉 1*, 🚀 1*' : '🎉 1, 🚀 1')
      await person.page.reload()
      await reacts(person, 'It works.', person === ada ? '🎉 1*, 🚀 1*' : '🎉 1, 🚀 1')
    }
    t.same([...ada.problems, ...bob.problems], [])
  },
)

t.test('a reaction shows at once, and is taken back with the reason if it is refused', async (t) => {
  const eve = await openChat(t, browser, 'about:blank')
  const { page } = eve
  let take!: (refuse: () => void) => void
  const taken = new Promise<() => void>((resolve) => (take = resolve))
  await page.routeWebSocket(/.*/, (socket) => {
    const server = socket.connectToServer()
    socket.onMessage((data) => {
      const { type, ref } = JSON.parse(String(data))
      if (type !== 'react') return server.send(data)
      const error = { type: 'error', ref, code: 'forbidden', message: 'you are muted here' }
      take(() => socket.send(JSON.stringify(error)))
    })
  })
  await page.goto(`${rabble.url}/#refused`)
  await eve.enter('Eve')
  await eve.write('a message')
  await eve.message('a message').waitFor()
  await eve.press('a message', 'Add reaction')
  await page.getByRole('dialog').getByRole('button', { name: 'thumbs up' }).click()
  await eve.message('a message').getByRole('button', { name: '👍 1: you' }).waitFor()
  // The page shows the reaction before the frame has left the browser.
  const refuse = await taken
  refuse()
  await page.getByText('The reaction failed: You are muted here.').waitFor()
  await reacts(eve, 'a message', '')
  t.equal(await eve.message('a message').locator('.reaction').count(), 0)
  t.same(eve.problems, [])
})

t.test('marks format a text, and nothing in it becomes any other element', async (t) => {
  const writer = await connectChat(t, rabble.url, { name: 'Writer' })
  await writer.join('format')
  const evil = '<img src=x onerror=alert(1)>'
  const texts = [
    'plain\n  lines,\n\nas they were',
    `**bold** *${evil}* ~~struck~~ \`code\``,
    `> quoted\nmine\n\n- one\n- **two**\n\n1. first`,
    `\`\`\`html\n${evil}\n  ${'long '.repeat(60)}\n\`\`\``,
    '[the manual](https://example.org/manual) and [https://bank.example](https://evil.example/)',
    `[x](javascript:alert(1)) ![x](https://example.org/x.png) **${evil}**`,
    '*'.repeat(4_000),
    '# no heading, __but bold__',
  ]
  for (const text of texts) await writer.send('format', text)
  await ada.go('format')
  const narrow = inForm([], [phone])
  const readers = [
    ada,
    ...(await Promise.all(
      narrow.map((look) => openChat(t, browser, `${rabble.url}/#format`, { ...look, script: axe })),
    )),
  ]
  for (const person of readers) {
    if (person !== ada) await person.enter('Gus')
    await person.sees('# no heading, but bold')
    t.same(await person.allTexts(), [
      texts[0],
      `bold ${evil} struck code`,
      'quotedmineonetwofirst',
      `htmlCopy${evil}\n  ${'long '.repeat(60)}`,
      'the manual (example.org) and [https://bank.example](https://evil.example/)',
      `[x](javascript:alert(1)) !x (example.org) ${evil}`,
      texts[6],
      '# no heading, but bold',
    ])
    await checkView(
      t,
      person,
      'formatted messages',
      person === ada ? 'on a desktop, light' : 'on a phone, dark',
    )
  }
  const { log, page } = ada
  const all = (tag: string) => log.locator(`.text ${tag}`).allTextContents()
  t.same(await all('strong'), ['bold', 'two', evil, 'but bold'])
  t.same(await all('em'), [evil])
  t.same(await all('s'), ['struck'])
  t.same(await all('blockquote'), ['quoted'])
  t.same(await all('ul > li'), ['one', 'two'])
  t.same(await all('ol > li'), ['first'])
  t.same(await all(':not(pre) > code'), ['code'])
  const links = log.locator('.text a')
  t.same(await links.evaluateAll((all) => all.map((a) => [a.textContent, a.getAttribute('href')])), [
    ['the manual', 'https://example.org/manual'],
    ['https://evil.example/', 'https://evil.example/'],
    ['x', 'https://example.org/x.png'],
  ])
  t.equal(await log.locator('.text').locator('img, script, h1, svg').count(), 0)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await log.getByRole('button', { name: 'Copy code' }).click()
  await log.getByRole('status').getByText('Copied').waitFor()
  t.match(await page.evaluate('navigator.clipboard.readText()'), evil)
  for (const { problems } of readers) t.same(problems, [])
})

t.test(
  'a mention is completed, reaches the user by id and is marked; emoji are completed, too',
  async (t) => {
    const ann = connect({ url: rabble.url, name: 'Ann Lee', WebSocket })
    t.teardown(() => ann.close())
    const room = ann.room('mentions')
    await room.join()
    const { page, messageBox } = ada
    await ada.go('mentions')
    await page.locator('#people-list').getByText('Ann Lee').waitFor()
    const offers = page.getByRole('listbox', { name: 'Suggestions' })

    await messageBox.pressSequentially('hello @an')
    await offers.getByRole('option', { name: 'Ann Lee' }).waitFor()
    await checkView(t, ada, 'a mention that is being typed', 'on a desktop, light')
    await messageBox.press('Escape')
    await offers.waitFor({ state: 'detached' })
    await messageBox.press('n')
    await messageBox.press('Enter')
    t.equal(await messageBox.inputValue(), 'hello @Ann Lee ')
    await messageBox.pressSequentially(':roc')
    await offers.getByRole('option', { name: 'rocket' }).waitFor()
    await messageBox.press('Tab')
    await messageBox.press('Enter')
    const heard = () => room.messages.at(-1)
    await until(() => heard()?.text === 'hello @Ann Lee 🚀 ', 60_000, 'the message')
    t.same(heard()?.mentions, [ann.user?.id])
    t.same(await ada.log.locator('.text .mention').allTextContents(), ['@Ann Lee'])

    // By a click; and what is deleted from the text again is no mention.
    await messageBox.pressSequentially('@le')
    await offers.getByRole('option', { name: 'Ann Lee' }).click()
    t.equal(await messageBox.inputValue(), '@Ann Lee ')
    for (let n = 0; n < 3; n++) await messageBox.press('Backspace')
    await messageBox.press('Escape')
    await messageBox.press('Enter')
    await until(() => heard()?.text === '@Ann L', 60_000, 'the message')
    t.equal(heard()?.mentions, undefined)

    const me = await page.evaluate('JSON.parse(sessionStorage.getItem("rabble.page.user")).id')
    await room.send('@Ada, **look**', { mentions: [String(me)] })
    const row = ada.log.locator('.row.mentions-me')
    await row.getByText('mentions you').waitFor({ state: 'attached' })
    await row.locator('strong').waitFor()
    t.same(await row.locator('.mention').allTextContents(), ['@Ada'])
    await checkView(t, ada, 'a mention', 'on a desktop, light')
    t.same(ada.problems, [])
  },
)

t.test('whatever people write shows as text, live and from history, and nothing of it runs', async (t) => {
  const reader = await openChat(t, browser, `${rabble.url}/#hostile`)
  await reader.enter('<img src=x onerror=alert(1)>')
  const writer = await connectChat(t, rabble.url, { name: '<script>alert(1)</script>' })
  await writer.join('hostile')
  for (const text of hostileTexts) await writer.send('hostile', text)
  // Control characters, which browsers don't show, have pictures.
  const picture = (control: string) => String.fromCharCode(0x2400 + control.charCodeAt(0))
  const shown = hostileTexts
    .map((text) => text.replace(/(?!\n)\p{Cc}/gu, picture))
    // Two of them have marks of code and of bold text.
    .map((text) => text.replace(/^(`|__)(.*)\1$/, '$2'))
  await reader.sees(shown.at(-1) ?? '')
  t.same(await reader.allTexts(), shown)

  await reader.page.reload()
  await reader.sees(shown.at(-1) ?? '')
  t.same(await reader.allTexts(), shown)

  const made = reader.log.locator('.text').locator('script, img, svg, iframe, style, b, i, template, math')
  t.equal(await made.count(), 0, 'no element came out of a text')
  const links = await reader.log
    .locator('.text a')
    .evaluateAll((all) => all.map((a) => a.getAttribute('href')))
  t.same(links, ['https://example.com/'], 'only what is an address of the web is a link')
  t.ok(
    await reader.page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
    'nothing sticks out of the page',
  )
  t.same(reader.problems, [])
})
