import { assertNothingLeft, connectChat, dataFolder, startService, until } from '@rabble/harness'
import type { WebSocketRoute } from 'playwright-core'
import t from 'tap'
import { launchBrowser, openChat, type Person } from '../browser.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', {
  DATA_DIR: dataFolder(t),
  RABBLE_MESSAGES_PER_SECOND: '10000',
  RABBLE_MESSAGE_BURST: '10000',
  // Older messages then come from history.
  RABBLE_RECENT_PER_ROOM: '10',
})

/** Messages of a long room, from before the kill. */
const long = Array.from({ length: 230 }, (_, n) => `message ${n}`)

t.test('kill -9 of the server', async (t) => {
  const writer = await connectChat(t, rabble.url, { name: 'Writer' })
  await writer.join('far')
  await Promise.all(long.map((text) => writer.send('far', text)))
  const room = 'second-thoughts'
  await writer.join(room)
  const { id: old } = await writer.send(room, 'an old mistake')
  const { id: secret } = await writer.send(room, 'an old secret')
  for (let n = 0; n < 20; n++) await writer.send(room, `${n}`)
  const { id: fresh } = await writer.send(room, 'a mistake')
  const { id: slip } = await writer.send(room, 'a secret')
  const numbers = Array.from({ length: 20 }, (_, n) => `${n}`)
  const corrected = ['corrected long afterwards', ...numbers, 'corrected afterwards']
  const shows = async (person: Person) => {
    await person.shows(corrected)
    await person.tells(['(edited)', 'deleted', '(edited)', 'deleted'])
  }
  const ada = await openChat(t, browser, `${rabble.url}/#${room}`)
  const bob = await openChat(t, browser, `${rabble.url}/#killed`)
  await ada.enter('Ada')
  await bob.enter('Bob')

  await t.test('what is edited or deleted is so on the page: live and after a reload', async () => {
    await ada.sees('an old secret')
    for (const id of [old, fresh])
      await writer.edit(room, id, `corrected ${id === old ? 'long ' : ''}afterwards`)
    for (const id of [secret, slip]) await writer.delete(room, id)
    await shows(ada)
    await ada.page.reload()
    await shows(ada)
  })

  const expected = ['before', 'while it is down 1', 'while it is down 2', 'after']
  await t.test('what was said is there, what was unsent goes out, nothing twice', async () => {
    await ada.go('killed')
    await ada.write('before')
    await bob.sees('before')

    await rabble.kill()
    await ada.page.getByRole('button', { name: 'Try now' }).waitFor()
    await ada.page
      .locator('.banner')
      .getByText(/Trying again|Connecting/)
      .waitFor()
    await ada.write('while it is down 1')
    await ada.write('while it is down 2')
    await ada.page.getByText('Not sent yet').first().waitFor()
    await rabble.restart()

    await bob.sees('while it is down 2')
    await ada.page.locator('.unsent').first().waitFor({ state: 'detached' })
    await bob.write('after')
    await ada.sees('after')
    await ada.shows(expected)
    await bob.shows(expected)
  })

  await t.test('it is so for a user who comes later, too, as far as it was edited or deleted', async () => {
    const late = await openChat(t, browser, `${rabble.url}/#killed`)
    await late.enter('Late')
    await late.shows(expected)
    await late.go(room)
    await shows(late)
    t.same(late.problems, [])
  })
  t.same([...ada.problems, ...bob.problems], [])
})

t.test('a server that freezes with a message on its way: it arrives once', async (t) => {
  const ada = await openChat(t, browser, `${rabble.url}/#frozen`)
  await ada.enter('Cleo')
  const bob = await connectChat(t, rabble.url, { name: 'Carl' })
  await bob.join('frozen')

  rabble.freeze()
  await ada.write('is anybody there?')
  await ada.page.getByRole('img', { name: 'Sending' }).waitFor()
  // The page can't know that the frozen server has the message in its socket's buffer. Network events make the page check the
  // connection, which it gives up without an answer. An open WebSocket reports no failure.
  await ada.page.context().setOffline(true)
  await ada.page.context().setOffline(false)
  await ada.page.getByText('Not connected').waitFor()
  rabble.thaw()
  await ada.page.getByRole('img', { name: 'Sent', exact: true }).waitFor()
  await ada.write('over')
  await ada.sees('over')
  t.same(await ada.texts(), ['is anybody there?', 'over'])
  await bob.waitFor((frame) => frame.type === 'message' && frame.text === 'over', 60_000)
  t.same(
    bob.messages('frozen').map(({ text }) => text),
    ['is anybody there?', 'over'],
  )
  t.same(ada.problems, [])
})

t.test('what was typed stays when it can’t be sent: it is too much, or the page was put out', async (t) => {
  const eli = await openChat(t, browser, 'about:blank')
  const { page, messageBox, write } = eli
  /** Reason for which the server closes a connection; undefined if it accepts it. */
  let refusal: { code: number; reason: string } | undefined
  /** Whether the gateway seems to be new to the page: it then has no events of any room. */
  let forgetful = true
  const open = new Set<WebSocketRoute>()
  await page.routeWebSocket(/.*/, async (socket) => {
    if (refusal !== undefined) return await socket.close(refusal)
    const server = socket.connectToServer()
    open.add(socket).add(server)
    server.onMessage((data) => {
      const frame = JSON.parse(String(data))
      const forgets = forgetful && frame.type === 'joined'
      socket.send(forgets ? JSON.stringify({ ...frame, events: [], complete: false }) : data)
    })
  })
  const refuse = async (code: number, reason: string) => {
    refusal = { code, reason }
    for (const socket of open) await socket.close(refusal)
    open.clear()
  }
  const isKept = async (text: string, why: RegExp) => {
    await page.getByRole('alert').getByText(why).waitFor()
    t.equal(await messageBox.inputValue(), text)
  }
  await page.goto(`${rabble.url}/#kept`)
  await eli.enter('Eli')
  await page.getByText('Nobody has said anything yet.').waitFor()
  forgetful = false
  const bob = await connectChat(t, rabble.url, { name: 'Bert' })
  await bob.join('kept')

  await refuse(1012, 'no network')
  await page.getByRole('button', { name: 'Try now' }).waitFor()
  // Sixteen of these fit into 256 KiB.
  const long = '😀'.repeat(3_990)
  for (let n = 10; n < 26; n++) await write(`${n} ${long}`)
  await write(`26 ${long}`)
  await isKept(`26 ${long}`, /^Not sent: too many messages wait/)
  refusal = undefined
  // Not by the button, which is gone if the page has reconnected already.
  await page.evaluate(() => void dispatchEvent(new Event('online')))
  await page.locator('.unsent').first().waitFor({ state: 'detached' })
  await messageBox.press('Enter')
  const numbers = () => bob.messages('kept').map(({ text }) => text.slice(0, 2))
  await until(() => numbers().includes('26'), 60_000, 'all of it to arrive')
  t.same(
    numbers(),
    Array.from({ length: 17 }, (_, n) => `${n + 10}`),
  )
  // Bert may have it before the page, which is kicked now.
  await eli.message(`26 ${long}`).waitFor()

  await refuse(1008, 'calm down')
  await page.getByText('Disconnected: calm down').waitFor()
  await write('after the kick')
  await isKept('after the kick', /^Not sent: you are disconnected/)
  refusal = { code: 1008, reason: 'not yet' }
  await page.getByRole('button', { name: 'Come back' }).click()
  await page.getByText('Disconnected: not yet').waitFor()
  t.equal(await messageBox.inputValue(), 'after the kick')
  // The messages can still be read.
  await eli.message(`26 ${long}`).waitFor()
  await page.getByRole('button', { name: 'Go to sign-in' }).click()
  await page.getByRole('dialog', { name: 'Sign out?' }).getByRole('button', { name: 'Stay' }).click()
  refusal = undefined
  await page.getByRole('button', { name: 'Come back' }).click()
  await page.locator('.banner').waitFor({ state: 'detached' })
  forgetful = true
  await page.reload()
  await eli.sees(`26 ${long}`)
  await messageBox.press('Enter')
  await until(() => bob.messages('kept').at(-1)?.text === 'after the kick', 60_000, 'the draft to arrive')

  await page.goto(`${rabble.url}/#@nobody-yet`)
  await page.getByText(/^Nobody with the id nobody-yet has been seen here/).waitFor()
  await write('whenever you come')
  await eli.message('whenever you come').waitFor()
  t.same(eli.problems, [])
})

t.test('scrolling back leads to the very first message, from before the restart', async (t) => {
  const reader = await openChat(t, browser, `${rabble.url}/#far`)
  const { page } = reader
  await reader.enter('Dora')
  await reader.sees('message 229')
  t.same(await reader.allTexts(), long)
  await reader.log.evaluate((element) => {
    element.scrollTop = 0
  })
  await page.getByRole('button', { name: 'To the newest' }).waitFor()
  const live = await connectChat(t, rabble.url)
  await live.join('far')
  await live.send('far', 'something new')
  await page.getByRole('button', { name: '1 new message' }).click()
  await page.getByText('something new', { exact: true }).waitFor()
  t.same(reader.problems, [])
})
