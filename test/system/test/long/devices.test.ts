import { assertNothingLeft, connectChat, noRateLimits, startCluster, until } from '@rabble/harness'
import t from 'tap'
import { launchBrowser, openChat, type Person } from '../browser.ts'
import { accountOf, counts, lists, openAnother } from '../devices.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const cluster = await startCluster(t, { ownServers: true, env: noRateLimits })
const { gateways, histories, rooms, rabbitmq, postgres, nginx } = cluster
const everything = [...gateways, ...histories, ...rooms, rabbitmq, postgres, nginx]

/** Opens a conversation by the sidebar, which a phone hides behind a button. */
async function read({ page }: Person, room: string): Promise<void> {
  const menu = page.getByRole('button', { name: /^Rooms(, |$)/ })
  if (await menu.isVisible()) await menu.click()
  await page.getByRole('link', { name: new RegExp(`^${room}`) }).click()
  await page.getByRole('heading', { level: 1, name: room }).waitFor()
}

t.test(
  'two browsers and a phone of one user show the same, also after a kill -9 of everything',
  async (t) => {
    const ada = await openChat(t, browser, `${cluster.url}/#plans`)
    await ada.enter('Ada')
    await ada.page.goto(`${cluster.url}/#hall`)
    await ada.page.getByRole('heading', { level: 1, name: 'hall' }).waitFor()
    const laptop = await openAnother(t, browser, ada, `${cluster.url}/#hall`)
    const phone = await openAnother(t, browser, ada, `${cluster.url}/#hall`, {
      viewport: { width: 390, height: 844 },
      isMobile: true,
    })
    const devices = [ada, laptop, phone]
    for (const { page } of devices) await page.getByRole('heading', { level: 1, name: 'hall' }).waitFor()
    const { user } = await accountOf(ada)
    const others: Person[] = []
    for (const name of ['Bob', 'Cleo', 'Dan']) {
      const other = await openChat(t, browser, `${cluster.url}/#plans`)
      await other.enter(name)
      others.push(other)
    }
    const [bob, cleo, dan] = others as [Person, Person, Person]

    /** Waits until all devices count the unread messages, and browsers list these conversations with their badges. Resolves with the time that it took (ms). */
    async function all(wanted: readonly string[], unread: number): Promise<number> {
      const began = performance.now()
      await Promise.all([ada, laptop].map((device) => lists(device, wanted)))
      await Promise.all(devices.map((device) => counts(device, unread)))
      return Math.round(performance.now() - began)
    }

    await bob.write('one')
    await bob.message('one').waitFor()
    const { token } = await accountOf(cleo)
    // The page would offer Ada only while she is in the room.
    const mention = async (cid: string) => {
      const program = await connectChat(t, cluster.url, { token })
      await program.join('plans')
      await program.request({ type: 'send', room: 'plans', cid, text: `Ada, ${cid}`, mentions: [user.id] })
      await program.close()
    }
    await mention('two')
    await all(['hall', 'plans @ 2'], 2)
    await read(laptop, 'plans')
    t.comment(`what the laptop reads is read on the others after ${await all(['hall', 'plans'], 0)} ms`)
    for (const device of devices) await read(device, 'hall')

    await bob.write('three')
    await bob.message('three').waitFor()
    await mention('four')
    await all(['hall', 'plans @ 2'], 2)
    await Promise.all(everything.map((one) => one.kill()))
    // It waits in the outbox of the page.
    await bob.write('five')
    await Promise.all(everything.map((one) => one.restart()))
    t.comment(`after the kill all devices show the same after ${await all(['hall', 'plans @ 3'], 3)} ms`)
    await dan.write('six')
    await all(['hall', 'plans @ 4'], 4)
    await read(phone, 'plans')
    await phone.shows(['one', 'Ada, two', 'three', 'Ada, four', 'five', 'six'])
    t.comment(`what the phone reads is read on the others after ${await all(['hall', 'plans'], 0)} ms`)
    for (const device of devices) {
      await device.page.reload()
      if (device === phone) await phone.page.getByRole('button', { name: 'Rooms', exact: true }).click()
      await lists(device, ['hall', 'plans'])
    }
    await phone.page.keyboard.press('Escape')
    await read(ada, 'plans')
    await ada.shows(['one', 'Ada, two', 'three', 'Ada, four', 'five', 'six'])
    t.same(
      [...devices, ...others].flatMap(({ problems }) => problems),
      [],
    )
  },
)

t.test('a page is in the twenty rooms that were opened last, and lists all others, too', async (t) => {
  const bob = await connectChat(t, cluster.url, { name: 'Ben' })
  const eve = await openChat(t, browser, `${cluster.url}/#quiet`)
  await eve.enter('Eve')
  await lists(eve, ['quiet'])
  const names = Array.from({ length: 21 }, (_, n) => `room ${100 + n}`)
  const hasUsers = (room: string, count: number) =>
    until(async () => (await bob.join(room)).count === count, 60_000, `${count} in ${room}`)
  for (const name of names) {
    await eve.go(name)
    if (name === 'room 100') await hasUsers(name, 2)
  }
  await hasUsers('room 101', 2)
  await hasUsers('room 100', 1)
  await lists(eve, ['quiet', ...names])
  t.same(eve.problems, [])
})
