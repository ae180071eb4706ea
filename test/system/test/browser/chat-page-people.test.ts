import {
  assertNothingLeft,
  connectChat,
  dataFolder,
  noRateLimits,
  startService,
  until,
} from '@rabble/harness'
import t from 'tap'
import { launchBrowser, openChat, type Person } from '../browser.ts'
import { accountOf } from '../devices.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', { ...noRateLimits, DATA_DIR: dataFolder(t) })

t.test('two people', async (t) => {
  const ada = await openChat(t, browser, `${rabble.url}/#changes`)
  const bob = await openChat(t, browser, `${rabble.url}/#changes`)
  await ada.enter('Ada')
  await bob.enter('Bob')

  await t.test('see what is edited, deleted and answered, also after a reload', async () => {
    await ada.write('a mistake')
    await ada.write('a secret')
    await bob.sees('a secret')
    await ada.log.getByText('Seen by 1').waitFor()

    await ada.press('a mistake', 'Edit')
    await ada.write('corrected')
    await bob.sees('corrected')
    await ada.press('a secret', 'Delete')
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await ada.log.getByText('deleted', { exact: true }).waitFor()
    await bob.press('corrected', 'Reply')
    await bob.write('an answer')
    await ada.messageBox.press('ArrowUp')
    const taken = async () => (await ada.messageBox.inputValue()) === 'corrected'
    await until(taken, 60_000, 'the arrow to take the last own message to edit')
    await ada.messageBox.press('Escape')

    const shows = async (person: Person) => {
      await person.shows(['corrected', 'an answer'])
      await person.tells(['(edited)', 'deleted'])
      const quote = person.message('an answer').getByRole('button', { name: /^In reply to Ada corrected/ })
      const marked = person.log.locator('.row.marked', { hasText: 'corrected' })
      const leads = async () => {
        // The message is marked only for a moment, which may be over before the check.
        await quote.click()
        await marked.waitFor({ timeout: 2_000 })
        return true
      }
      await until(leads, 60_000, 'the quote to lead to what it answers')
    }
    await shows(ada)
    await shows(bob)
    await ada.page.reload()
    await shows(ada)
  })

  await t.test(
    'write to each other directly, and who isn’t looking sees that there is something new',
    async (t) => {
      for (const person of [ada, bob]) await person.go('lobby')
      await ada.page.locator('#people-list').getByRole('link', { name: 'Bob' }).click()
      await ada.page.getByRole('heading', { level: 1, name: 'Bob' }).waitFor()
      await ada.write('between us')
      t.equal(await ada.page.getByText(/^Nobody with the id/).count(), 0, 'she has seen him')
      const news = bob.page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: /Ada/ })
      await news.getByText('1').waitFor()
      await news.click()
      await bob.sees('between us')
      await bob.write('I see')
      await ada.shows(['between us', 'I see'])
      await bob.shows(['between us', 'I see'])

      // A user who never wrote before writes while no page of Bob is open.
      const hugo = await connectChat(t, rabble.url, { name: 'Hugo' })
      const { user } = await accountOf(bob)
      await bob.page.goto('about:blank')
      await hugo.sendTo(user.id, 'we have not met')
      await bob.page.goto(`${rabble.url}/#lobby`)
      const first = bob.page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: /Hugo/ })
      await first.getByText('1').waitFor()
      await first.click()
      await bob.sees('we have not met')
      const outsider = await connectChat(t, rabble.url, { name: 'Outsider' })
      await outsider.join('lobby')
      t.same(outsider.messages('lobby'), [], 'nobody else gets it')
    },
  )

  await t.test(
    'create rooms, which have a place in the address, and are full when they are full',
    async (t) => {
      for (const person of [ada, bob]) await person.go('hall')
      const create = ada.page.getByRole('button', { name: 'Create a room' })
      await create.click()
      const dialog = ada.page.getByRole('dialog', { name: 'Create a room' })
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
      await ada.page.getByRole('heading', { level: 1, name: 'tea room' }).waitFor()
      t.equal(new URL(ada.page.url()).hash, '#tea%20room')
      await ada.write('in the tea room')
      await ada.shows(['in the tea room'])
      await ada.page.getByText('full: 1 of 1').waitFor()

      await bob.page.getByRole('button', { name: 'Go to…' }).click()
      const box = bob.page.getByRole('combobox')
      await box.fill('tea room')
      await bob.page.getByRole('option', { name: /^tea room/ }).waitFor()
      await box.press('Enter')
      await bob.page
        .getByRole('alert')
        .getByText(/^You are not in tea room: The room is full/)
        .waitFor()
      await ada.page.getByRole('button', { name: 'About the room' }).click()
      await ada.page.getByRole('button', { name: 'Leave the room' }).click()
      await bob.shows(['in the tea room'])
      await bob.page.goBack()
      await bob.page.getByRole('heading', { level: 1, name: 'hall' }).waitFor()
      t.same(await bob.texts(), [], 'rooms don’t mix')

      await ada.page.goto(`${rabble.url}/#tea%20room`)
      await ada.page.getByRole('button', { name: 'About the room' }).click()
      const about = ada.page.getByRole('dialog', { name: 'tea room' })
      await about.getByLabel('Maximum number of people').fill('2')
      await about.getByRole('button', { name: 'Save' }).click()
      await about.getByText('Saved.').waitFor()
      await about.getByRole('button', { name: 'Close' }).click()
      await ada.shows(['in the tea room'])
    },
  )

  await t.test('see it if the other one closes the page', async () => {
    await ada.go('hall')
    await ada.page.getByRole('heading', { name: 'Here now: 2' }).waitFor()
    await bob.page.close()
    await ada.page.getByRole('heading', { name: 'Here now: 1' }).waitFor()
  })
  t.same([...ada.problems, ...bob.problems], [])
})

t.test('the sign-in', async (t) => {
  const grace = await openChat(t, browser, `${rabble.url}/#sign-in`)
  const { page, enter, write, message } = grace
  const name = page.getByRole('textbox', { name: 'Your name' })

  await t.test('tells in words what is wrong with a name, and a reload comes back in', async (t) => {
    await name.press('Enter')
    await page.getByRole('alert').getByText('Enter your name.').waitFor()
    await name.fill('System')
    await name.press('Enter')
    await page
      .getByRole('alert')
      .getByText(/^A name has 1 to 64 characters/)
      .waitFor()
    const holder = await connectChat(t, rabble.url, { name: 'Holder' })
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
  })

  await t.test('lasts over closed tabs, and ends in all tabs at once', async (t) => {
    const context = page.context()
    await page.close()
    const [one, two] = [await context.newPage(), await context.newPage()]
    for (const tab of [one, two]) {
      await tab.goto(`${rabble.url}/#sign-in`)
      await tab.getByText(/^Connected as \u2068Grace/).waitFor({ state: 'attached' })
    }
    await one.getByRole('textbox', { name: 'Message' }).fill('afterwards')
    await one.getByRole('textbox', { name: 'Message' }).press('Enter')
    await two.getByRole('log').getByText('afterwards', { exact: true }).waitFor()
    let authors: string[] = []
    const stored = async () => {
      const { messages } = await (await fetch(`${rabble.url}/api/rooms/sign-in/messages`)).json()
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
  })
  t.same(grace.problems, [])
})
