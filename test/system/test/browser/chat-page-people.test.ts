import {
  assertNothingLeft,
  connectChat,
  noRateLimits,
  startCluster,
  type TestContext,
  until,
} from '@rabble/harness'
import t from 'tap'
import { launchBrowser, openChat, type Person } from '../browser.ts'
import { hostileTexts } from '../hostile-texts.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const cluster = await startCluster(t, { env: noRateLimits })

/** Opens the page for two people in a room, at different gateways. */
async function two(
  t: TestContext,
  room: string,
  names: readonly [string, string],
): Promise<[Person, Person]> {
  const one = await openChat(t, browser, `${cluster.url}/#${room}`)
  const other = await openChat(t, browser, `${cluster.url}/#${room}`)
  await one.enter(names[0])
  await other.enter(names[1])
  if ((await one.gateway()) === (await other.gateway())) await other.switchGateway()
  // Only a page in the room shows this, which takes a moment at the other gateway.
  for (const { page } of [one, other]) await page.getByText('2 here', { exact: true }).waitFor()
  return [one, other]
}

t.test('two people at different gateways see each other come, type, talk and go', async (t) => {
  const [ada, bob] = await two(t, 'talk', ['Ada', 'Bob'])
  t.not(await ada.gateway(), await bob.gateway())
  for (const { page } of [ada, bob]) {
    await page.getByRole('heading', { name: 'Here now: 2' }).waitFor()
    const listed = async () => (await page.locator('#people-list .name').allTextContents()).join()
    await until(async () => (await listed()) === 'Ada,Bob', 60_000, 'both to be listed')
  }
  const types = async () => {
    await ada.messageBox.press('o')
    return await bob.page.getByText('Ada\u2069 is typing').isVisible()
  }
  await until(types, 60_000, 'Bob to see that Ada types')
  for (const person of [ada, bob]) {
    t.equal(await person.log.locator('.via').count(), 0)
    await person.showConnection(true)
    await person.page.getByLabel('Show the gateway of each message').check()
    await person.showConnection(false)
  }
  await ada.write('Good morning')
  await bob.sees('Good morning')
  await bob.write('two\nlines')
  await ada.shows(['Good morning', 'two\nlines'])
  await bob.shows(['Good morning', 'two\nlines'])
  await ada.page.getByRole('img', { name: 'Sent', exact: true }).waitFor()
  t.equal(await bob.messageBox.inputValue(), '')
  t.equal(await bob.message('Good morning').locator('.via').textContent(), await ada.gateway())
  t.equal(await ada.message('two\nlines').locator('.via').textContent(), await bob.gateway())

  await bob.page.close()
  await ada.page.getByRole('heading', { name: 'Here now: 1' }).waitFor()
  t.same([...ada.problems, ...bob.problems], [])
})

t.test('what is edited, deleted and answered is so for the others too, and after a reload', async (t) => {
  const [eve, dan] = await two(t, 'changes', ['Eve', 'Dan'])
  await eve.write('a mistake')
  await eve.write('a secret')
  await dan.sees('a secret')
  await eve.log.getByText('Seen by 1').waitFor()

  await eve.press('a mistake', 'Edit')
  await eve.write('corrected')
  await dan.sees('corrected')
  await eve.press('a secret', 'Delete')
  await eve.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await eve.log.getByText('deleted', { exact: true }).waitFor()
  await dan.press('corrected', 'Reply')
  await dan.write('an answer')
  await eve.messageBox.press('ArrowUp')
  const taken = async () => (await eve.messageBox.inputValue()) === 'corrected'
  await until(taken, 60_000, 'the arrow to take the last own message to edit')
  await eve.messageBox.press('Escape')

  const shows = async (person: Person) => {
    await person.shows(['corrected', 'an answer'])
    await person.tells(['(edited)', 'deleted'])
    const quote = person.message('an answer').getByRole('button', { name: /^In reply to Eve corrected/ })
    const marked = person.log.locator('.row.marked', { hasText: 'corrected' })
    const leads = async () => {
      // The message is marked only for a moment, which may be over before the check.
      await quote.click()
      await marked.waitFor({ timeout: 2_000 })
      return true
    }
    await until(leads, 60_000, 'the quote to lead to what it answers')
  }
  await shows(eve)
  await shows(dan)
  await eve.page.reload()
  await shows(eve)
  t.same([...eve.problems, ...dan.problems], [])
})

t.test(
  'two people write to each other directly, and who isn’t looking sees that there is something new',
  async (t) => {
    const [fay, gus] = await two(t, 'lobby', ['Fay', 'Gus'])
    await fay.page.locator('#people-list').getByRole('link', { name: 'Gus' }).click()
    await fay.page.getByRole('heading', { level: 1, name: 'Gus' }).waitFor()
    await fay.write('between us')
    t.equal(await fay.page.getByText(/^Nobody with the id/).count(), 0, 'she has seen him')
    const news = gus.page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: /Fay/ })
    await news.getByText('1').waitFor()
    await news.click()
    await gus.sees('between us')
    await gus.write('I see')
    await fay.shows(['between us', 'I see'])
    await gus.shows(['between us', 'I see'])

    // A user who never wrote before writes while no page of Gus is open.
    const hugo = await connectChat(t, cluster.url, { name: 'Hugo' })
    await hugo.join('lobby')
    let to: string | undefined
    const isListed = async () => {
      const { users } = await hugo.request({ type: 'members', room: 'lobby' })
      to = users.find(({ name }) => name === 'Gus')?.id
      return to !== undefined
    }
    await until(isListed, 60_000, 'Gus to be listed')
    await gus.page.goto('about:blank')
    await hugo.sendTo(to ?? '', 'we have not met')
    await gus.page.goto(`${cluster.url}/#lobby`)
    const first = gus.page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: /Hugo/ })
    await first.getByText('1').waitFor()
    await first.click()
    await gus.sees('we have not met')
    const outsider = await connectChat(t, cluster.url, { name: 'Outsider' })
    await outsider.join('lobby')
    t.same(outsider.messages('lobby'), [], 'nobody else gets it')
    t.same([...fay.problems, ...gus.problems], [])
  },
)

t.test('the sign-in tells in words what is wrong with a name, and a reload comes back in', async (t) => {
  const person = await openChat(t, browser, `${cluster.url}/#sign-in`)
  const { page, enter, write, message } = person
  const name = page.getByRole('textbox', { name: 'Your name' })
  await name.press('Enter')
  await page.getByRole('alert').getByText('Enter your name.').waitFor()
  await name.fill('System')
  await name.press('Enter')
  await page
    .getByRole('alert')
    .getByText(/^A name has 1 to 64 characters/)
    .waitFor()
  const holder = await connectChat(t, cluster.url, { name: 'Holder' })
  await name.fill('H\u043elder')
  await name.press('Enter')
  await page
    .getByRole('alert')
    .getByText(/^Somebody else has this name/)
    .waitFor()
  await holder.close()

  await enter('Grace')
  await write('before the reload')
  await message('before the reload').waitFor()
  await page.reload()
  await message('before the reload').waitFor()
  await person.signOut()
  await name.waitFor()
  t.same(person.problems, [])
})

t.test('rooms are created, have a place in the address, and are full when they are full', async (t) => {
  const [hal, ivy] = await two(t, 'hall', ['Hal', 'Ivy'])
  const create = hal.page.getByRole('button', { name: 'Create a room' })
  await create.click()
  const dialog = hal.page.getByRole('dialog', { name: 'Create a room' })
  await dialog.getByLabel('Name of the room').fill('no/such:room')
  await dialog.getByRole('button', { name: 'Create the room' }).click()
  await dialog
    .getByRole('alert')
    .getByText(/^A room name has/)
    .waitFor()
  await dialog.getByLabel('Name of the room').fill('tea room')
  await dialog.getByLabel('Topic').fill('Milk first')
  await dialog.getByLabel('Maximum number of people').fill('1')
  await dialog.getByRole('button', { name: 'Create the room' }).click()
  await hal.page.getByRole('heading', { level: 1, name: 'tea room' }).waitFor()
  t.equal(new URL(hal.page.url()).hash, '#tea%20room')
  await hal.write('in the tea room')
  await hal.shows(['in the tea room'])
  await hal.page.getByText('full: 1 of 1').waitFor()

  await ivy.page.getByRole('button', { name: 'Go to…' }).click()
  const box = ivy.page.getByRole('combobox')
  await box.fill('tea room')
  await ivy.page.getByRole('option', { name: /^tea room/ }).waitFor()
  await box.press('Enter')
  await ivy.page
    .getByRole('alert')
    .getByText(/^You are not in tea room: The room is full/)
    .waitFor()
  await hal.page.getByRole('button', { name: 'About the room' }).click()
  await hal.page.getByRole('button', { name: 'Leave the room' }).click()
  await ivy.shows(['in the tea room'])
  await ivy.page.goBack()
  await ivy.page.getByRole('heading', { level: 1, name: 'hall' }).waitFor()
  t.same(await ivy.texts(), [], 'rooms don’t mix')

  await hal.page.goto(`${cluster.url}/#tea%20room`)
  await hal.page.getByRole('button', { name: 'About the room' }).click()
  const about = hal.page.getByRole('dialog', { name: 'tea room' })
  await about.getByLabel('Maximum number of people').fill('2')
  await about.getByRole('button', { name: 'Save' }).click()
  await about.getByText('Saved.').waitFor()
  await about.getByRole('button', { name: 'Close' }).click()
  await hal.shows(['in the tea room'])
  t.same([...hal.problems, ...ivy.problems], [])
})

t.test('whatever people write shows as text, live and from history, and nothing of it runs', async (t) => {
  const url = `${cluster.url}/#hostile`
  const reader = await openChat(t, browser, url)
  await reader.enter('<img src=x onerror=alert(1)>')
  const writer = await connectChat(t, cluster.url, { name: '<script>alert(1)</script>' })
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
  const late = await openChat(t, browser, url)
  await late.enter('Late')
  await late.sees(shown.at(-1) ?? '')
  t.same(await late.allTexts(), shown)

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
  t.same([...reader.problems, ...late.problems], [])
})
