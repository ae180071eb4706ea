import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, until } from '@rabble/harness'
import { type Browser, chromium, type Locator, type Page } from 'playwright-core'
import { allTexts } from './all-texts.ts'

/** Arguments with which Chromium sends no requests of its own and needs no desktop. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * Matches the browser's log lines for lost connections and refused requests. A request that was under way when a server was
 * killed has another error than a later one.
 */
const lost =
  /WebSocket connection to|net::ERR_(CONNECTION_\w+|SOCKET_NOT_CONNECTED|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|CONTENT_LENGTH_MISMATCH|INTERNET_DISCONNECTED|NETWORK_CHANGED)|status of [45]\d\d/

/** Timeout (ms). On a busy machine a restart of the server, and the page's delay before it reconnects, take long. */
const timeout = 120_000

/** Path of Chromium. The headless shell is preferred, since it needs a third less CPU time. */
const executablePath = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find((path) =>
  existsSync(path),
)

/**
 * Starts a headless Chromium, which is closed at teardown. Pages of one browser are isolated from each other. `addresses` says where
 * it finds servers that pages call by a fixed name and port: `{'localhost:5000': '127.0.0.1:23456'}`.
 */
export async function launchBrowser(
  t: TestContext,
  addresses: Readonly<Record<string, string>> = {},
): Promise<Browser> {
  const rules = Object.entries(addresses).map(([from, to]) => `MAP ${from} ${to}`)
  const more = rules.length > 0 ? [`--host-resolver-rules=${rules.join(',')}`] : []
  const browser = await chromium.launch({ executablePath, args: [...args, ...more], timeout: 180_000 })
  t.teardown(() => browser.close())
  return browser
}

export interface PageOptions {
  colorScheme?: 'light' | 'dark'
  /** Size in CSS pixels. Default: Playwright's 1280 x 720. */
  viewport?: { width: number; height: number }
  timezoneId?: string
  /** Language that the browser asks for. Default: Playwright's en-US. */
  locale?: string
  reducedMotion?: 'reduce' | 'no-preference'
  /** Whether it is a phone: its pointer is a finger. */
  isMobile?: boolean
  /** Script that runs before those of the page, regardless of the page's policy. */
  script?: string
}

/** A page in a browser profile of its own. */
export interface OpenPage {
  readonly page: Page
  /**
   * Problems in the page: exceptions, dialogs, violations of its policy, and errors in the browser's log, except for lost
   * connections and refused requests.
   */
  readonly problems: readonly string[]
}

/** The chat page of one person. */
export interface Person extends OpenPage {
  readonly messageBox: Locator
  /** The list of messages. */
  readonly log: Locator
  /** Enters the chat as a guest. */
  enter(name: string): Promise<void>
  /** Writes a message and presses Enter. */
  write(text: string): Promise<void>
  /** Waits until a message with exactly this text is on the page. */
  sees(text: string): Promise<void>
  /** Returns the texts of the messages on the page, from top to bottom. */
  texts(): Promise<string[]>
  /** Returns the texts of all messages from the first one. Scrolls, since the page may not hold all of them at once. */
  allTexts(): Promise<string[]>
  /** Waits until the texts on the page are exactly these, in this order. */
  shows(texts: readonly string[]): Promise<void>
  /** Waits until the notes on edited, deleted and unsent messages are exactly these. */
  tells(fates: readonly string[]): Promise<void>
  /** Returns the message with this text, once it is in the room. */
  message(text: string): Locator
  /** Presses a button of a message, such as Reply. The button shows under the pointer, so this follows a moving message. */
  press(text: string, button: string): Promise<void>
  /** Opens a room by its name in the address. */
  go(room: string): Promise<void>
  /** Signs out by the user's menu. The page asks first if something is not sent. */
  signOut(): Promise<void>
  /** Shows or hides what is behind the dot of the connection. */
  showConnection(is: boolean): Promise<void>
  /** Returns the gateway of this page, once it is connected. */
  gateway(): Promise<string>
  /** Switches to another gateway. Resolves with the outcome on the page. */
  switchGateway(): Promise<string>
}

/** Opens the page. It is closed at teardown, after a screenshot if the test has failed. */
export async function openPage(
  t: TestContext,
  browser: Browser,
  url: string,
  options: PageOptions = {},
): Promise<OpenPage> {
  const { script, ...settings } = options
  const context = await browser.newContext({ ...settings, hasTouch: settings.isMobile === true })
  t.teardown(async () => {
    if (!t.passing()) await takePictures(t, context.pages())
    await context.close()
  })
  context.setDefaultTimeout(timeout)
  const page = await context.newPage()
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('dialog', (dialog) => {
    problems.push(`a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    if (message.type() === 'error' && !lost.test(message.text())) problems.push(message.text())
  })
  await context.exposeBinding('tellViolation', (_, violation: string) => problems.push(violation))
  await context.addInitScript(`addEventListener('securitypolicyviolation', (event) =>
    tellViolation('against the policy: ' + event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample))`)
  if (script !== undefined) await context.addInitScript(script)
  await page.goto(url)
  return { page, problems }
}

/** Opens the chat page, as above. */
export async function openChat(
  t: TestContext,
  browser: Browser,
  url: string,
  options: PageOptions = {},
): Promise<Person> {
  const { page, problems } = await openPage(t, browser, url, options)
  const messageBox = page.getByRole('textbox', { name: 'Message' })
  const log = page.getByRole('log', { name: 'Messages' })
  const connection = page.locator('.connection > button')
  const gateway = async () => {
    const title = await page.locator('.connection > button[title]').getAttribute('title')
    return title?.replace('Connected to ', '') ?? ''
  }
  const showConnection = async (is: boolean) => {
    if ((await connection.getAttribute('aria-expanded')) === String(is)) return
    await connection.click()
    await page.locator(`.connection > button[aria-expanded="${is}"]`).waitFor()
  }
  const texts = () => log.locator('.text').allTextContents()
  const message = (text: string) =>
    log.locator('.row[data-id] .message').filter({ has: page.getByText(text, { exact: true }) })
  return {
    page,
    problems,
    messageBox,
    log,
    async enter(name) {
      await page.getByRole('textbox', { name: 'Your name' }).fill(name)
      await page.keyboard.press('Enter')
      await page.getByText(/^Connected as/).waitFor({ state: 'attached' })
    },
    async write(text) {
      await messageBox.fill(text)
      await messageBox.press('Enter')
    },
    sees: (text) =>
      until(async () => (await texts()).includes(text), timeout, `the page to show ${text.slice(0, 40)}`),
    texts,
    allTexts: () => allTexts(page, log),
    shows: (wanted) =>
      until(async () => (await texts()).join('\n') === wanted.join('\n'), timeout, 'just these texts').catch(
        async (error: Error) => {
          throw new Error(`${error.message}: ${JSON.stringify(await texts())}`)
        },
      ),
    tells: (wanted) =>
      until(
        async () => (await log.locator('.fate').allTextContents()).join('\n') === wanted.join('\n'),
        timeout,
        `the page to tell ${wanted}`,
      ),
    message,
    press: (text, button) =>
      until(
        async () => {
          // An earlier attempt may have succeeded after its timeout.
          const asked = page.getByRole('dialog', { name: 'Delete this message?' })
          if (await asked.isVisible()) return true
          await message(text).hover({ timeout: 10_000 })
          const wanted = message(text).getByRole('button', { name: button })
          // In a narrow window the actions show once the message has the focus.
          if (!(await wanted.isVisible())) await message(text).locator('.said-by').click({ timeout: 10_000 })
          const reached = await wanted.evaluateHandle((button) => {
            const clicks: Event[] = []
            button.addEventListener('click', (event) => clicks.push(event), { once: true, capture: true })
            return clicks
          })
          await wanted.click({ timeout: 10_000 })
          // A line such as "Seen by 1" may have moved the messages between the press of the mouse and its release.
          return reached.evaluate((clicks) => clicks.length > 0)
        },
        timeout,
        `${button} at ${text}`,
      ),
    async go(room) {
      await page.evaluate(
        (hash) => {
          location.hash = hash
        },
        `#${encodeURIComponent(room)}`,
      )
      await page.getByRole('heading', { level: 1, name: room, exact: true }).waitFor()
    },
    async signOut() {
      await page.getByRole('button', { name: /^Your menu/ }).click()
      await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    },
    showConnection,
    gateway,
    async switchGateway() {
      const before = await gateway()
      const heard = await listen(page, '.connection [role="status"]')
      await showConnection(true)
      let outcomes: string[] = []
      await until(
        async () => {
          const asked = outcomes.length
          await page.getByRole('button', { name: 'Switch gateway' }).first().click()
          // With a proxy that chooses at random it takes a few attempts. The page shows their outcome.
          const isOver = async () => {
            outcomes = (await heard()).filter((text) => /[^…]$/.test(text))
            return outcomes.length > asked
          }
          await until(isOver, timeout, 'an outcome')
          return (outcomes.at(-1) ?? '').startsWith('You are on') && (await gateway()) !== before
        },
        timeout,
        'another gateway',
      ).catch((error: Error) => {
        throw new Error(`${error.message}: ${outcomes}`)
      })
      await showConnection(false)
      return outcomes.at(-1) ?? ''
    },
  }
}

/**
 * Records the texts of an element from now on, also those that are shown only for a moment. The element may appear later. The
 * recording ends with the document.
 */
export async function listen(page: Page, selector: string): Promise<() => Promise<string[]>> {
  const heard = await page.evaluateHandle((selector) => {
    const read = () => document.querySelector(selector)?.textContent ?? ''
    const texts: string[] = []
    let last = read()
    new MutationObserver(() => {
      const text = read()
      if (text !== last) texts.push(text)
      last = text
    }).observe(document, { childList: true, characterData: true, subtree: true })
    return texts
  }, selector)
  return () => heard.jsonValue()
}

async function takePictures(t: TestContext, pages: readonly Page[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rabble-pages-'))
  for (const [n, page] of pages.entries()) {
    const path = join(folder, `${n}.png`)
    await page.screenshot({ path, timeout: 10_000 }).then(
      () => t.comment(`how the page looked: ${path}`),
      () => {},
    )
  }
}
