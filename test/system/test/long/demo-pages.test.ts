import { join } from 'node:path'
import { assertNothingLeft, connectChat, startCluster, until } from '@rabble/harness'
import { createTokens } from '@rabble/service'
import type { Page } from 'playwright-core'
import t from 'tap'
import { launchBrowser, listen, openPage } from '../browser.ts'
import { demosMissing, oldScript, serveDemos } from '../demos.ts'

assertNothingLeft(t)

const pictures = process.env.RABBLE_TEST_PICTURES

t.test(
  'pages of demos chat unmodified, with each other and with native clients',
  { skip: demosMissing },
  async (t) => {
    const cluster = await startCluster(t, {
      nginx: false,
      env: { RABBLE_ALLOWED_ORIGINS: 'http://localhost:4200,http://localhost:5000' },
    })
    const [first, second] = cluster.gateways.map(({ port }) => port) as [number, number]
    const browser = await launchBrowser(t, await serveDemos(t, [first, second]))
    const problems: (readonly string[])[] = []
    const open = async (url: string) => {
      const opened = await openPage(t, browser, url, { viewport: { width: 800, height: 600 } })
      problems.push(opened.problems)
      return opened.page
    }
    const shows = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor()
    const picture = async (page: Page, name: string) => {
      if (pictures !== undefined)
        await page.screenshot({ path: join(pictures, `demo-${name}.png`), fullPage: true })
    }
    const native = await connectChat(t, cluster.url, { name: 'Native' })
    await native.join('general')
    /** Returns the gateway that took a message. */
    const via = async (text: string) => {
      const frame = await native.waitFor((frame) => frame.type === 'message' && frame.text === text)
      return frame.type === 'message' ? frame.via : ''
    }

    await t.test('signalr-backplane-demo: Angular, with a button for each of two servers', async (t) => {
      const [ann, ben] = [await open('http://localhost:4200'), await open('http://localhost:4200')]
      const toServer2 = async (page: Page) => {
        // The page shows the former connection as connected until then.
        const connected = page.waitForEvent('console', (message) =>
          /^Connected to .*5002/.test(message.text()),
        )
        await page.getByRole('button', { name: 'Server 2' }).click()
        await connected
      }
      const say = async (page: Page, text: string, name: string) => {
        await page.getByPlaceholder('Your name').fill(name)
        await page.getByPlaceholder('Type your message').fill(text)
        await page.getByRole('button', { name: 'Send' }).click()
      }
      await ann.locator('.connected').waitFor()
      await ben.locator('.connected').waitFor()
      await toServer2(ben)
      await say(ann, 'from server 1', 'Ann')
      await shows(ben, `[${await via('from server 1')}] Ann: from server 1`)
      await say(ben, 'from server 2', 'Ben')
      await shows(ann, `[${await via('from server 2')}] Ben: from server 2`)
      t.not(await via('from server 1'), await via('from server 2'))
      await toServer2(ann)
      await say(ann, 'from another server', 'Ann')
      await shows(ben, 'Ann: from another server')
      t.equal(await via('from another server'), await via('from server 2'))
      await native.send('general', 'hello Angular')
      for (const page of [ann, ben]) await shows(page, 'Native: hello Angular')
      await picture(ann, 'angular')
    })

    await t.test('chat_signalr_scale_out: a Razor page at the origin of its hub', async () => {
      const people = [
        { name: 'Cleo', page: await open('http://localhost:44345') },
        { name: 'Dan', page: await open('http://localhost:44345') },
      ]
      for (const { name, page } of people) {
        await page.locator('#sendButton:enabled').waitFor()
        await page.locator('#userInput').fill(name)
        await page.locator('#messageInput').fill(`it is ${name}`)
        await page.locator('#sendButton').click()
        for (const { page: each } of people) await shows(each, `${name} says it is ${name}`)
      }
      await via('it is Dan')
      await native.send('general', 'hello Razor')
      for (const { page } of people) await shows(page, 'Native says hello Razor')
      await picture(people[0]?.page as Page, 'razor')
    })

    for (const [version, script] of [['from the gateway'], ['of its own', oldScript]]) {
      await t.test(`chat-scaling: Socket.IO, with the client ${version}`, async () => {
        const pages = [await open('http://localhost:3000'), await open('http://localhost:3000')]
        for (const page of pages) {
          if (script !== undefined) {
            await page.route('**/socket.io/socket.io.js', (route) => route.fulfill({ path: script }))
            await page.reload()
          }
          await shows(page, /^Host: gateway-/)
        }
        for (const [n, page] of pages.entries()) {
          await page.locator('#chat-input').fill(`page ${n}, client ${version}`)
          await page.locator('#chat-send').click()
        }
        for (const page of pages) {
          for (const n of [0, 1]) await shows(page, `page ${n}, client ${version}`)
          await shows(
            page,
            new RegExp(`^${await via(`page 0, client ${version}`)} \\d+:\\d\\d:\\d\\d [ap]m$`),
          )
        }
        await native.send('general', `hello client ${version}`)
        for (const page of pages) await shows(page, `hello client ${version}`)
        await picture(pages[0] as Page, `socketio-${version?.replaceAll(' ', '-')}`)
      })
    }

    await t.test('dot-talk: rooms with a capacity', async (t) => {
      const room = 'Chat Room 1'
      const token = await createTokens(cluster.secret).sign({ id: 'owner', name: 'Owner' }, 600, [
        'moderator',
      ])
      const created = await fetch(`${cluster.rooms[0]?.url}/api/rooms`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name: room, capacity: 3, announce: true }),
      })
      t.equal(created.status, 201)
      await native.join(room)
      const enter = async (name: string) => {
        const page = await open('http://localhost:5000')
        const told = await listen(page, '#server-messages')
        await page.locator('#user-name').fill(name)
        await page.locator('#chat-room-name').fill(room)
        await page.locator('#join-chat-room').click()
        return { page, told }
      }
      const say = async (page: Page, text: string) => {
        await page.locator('#chat-message-input').fill(text)
        await page.locator('#chat-message-submit').click()
      }
      const [a, b] = [await enter('User A'), await enter('User B')]
      await shows(a.page, /^System: .*User B/)
      await say(a.page, 'hello B')
      await shows(b.page, 'User A: hello B')
      await say(b.page, 'hello A')
      await shows(a.page, 'User B: hello A')
      await native.send(room, 'hello both')
      for (const { page } of [a, b]) await shows(page, 'Native: hello both')
      t.match(await a.told(), [`Successfully connected to chat room ${room}!`])
      const c = await enter('User C')
      await until(async () => (await c.told()).includes('the room is full'), 120_000, 'the refusal')
      await b.page.locator('#leave-chat-room').click()
      await shows(a.page, /^System: User B left/)
      await say(b.page, 'am I still here?')
      await until(async () => (await b.told()).includes('join the room first'), 120_000, 'the refusal')
      await picture(a.page, 'rooms')
    })
    t.same(
      problems.flat().filter((problem) => !problem.includes('ERR_NAME_NOT_RESOLVED')),
      [],
    )
  },
)
