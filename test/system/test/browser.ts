import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, until } from '@rabble/harness'
import { type Browser, chromium, type Locator, type Page } from 'playwright-core'

/** What keeps Chromium to itself: no requests of its own, nothing that needs a desktop. */
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
 * What the browser logs of connections that are lost, in whatever moment, and of what the server refused. A request that was
 * under way when a server was killed ends in another way than one that comes later.
 */
const lost =
  /WebSocket connection to|net::ERR_(CONNECTION_\w+|SOCKET_NOT_CONNECTED|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|CONTENT_LENGTH_MISMATCH|INTERNET_DISCONNECTED|NETWORK_CHANGED)|status of [45]\d\d/

/** Milliseconds: a restart of the server, and the page's own wait before it comes back, take their time on a busy machine. */
const patience = 120_000

/** The Chromium that can't show a window takes a third less of the processor, and so is taken where there is one. */
const executablePath = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find((path) =>
  existsSync(path),
)

/** A headless Chromium, closed at teardown. Pages of one browser know nothing of each other. */
export async function launchBrowser(t: TestContext): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args, timeout: 180_000 })
  t.teardown(() => browser.close())
  return browser
}

export interface PageOptions {
  colorScheme?: 'light' | 'dark'
  /** CSS pixels; Playwright's 1280 x 720 unless told. */
  viewport?: { width: number; height: number }
  timezoneId?: string
  reducedMotion?: 'reduce' | 'no-preference'
  /** A script that runs before those of the page, whatever its policy says. */
  script?: string
}

/** The chat page in a browser profile of its own, as one person has it. */
export interface Person {
  readonly page: Page
  /**
   * What went wrong in the page: exceptions, dialogs, violations of its policy, and errors that the browser logged but for
   * lost connections and what the server refused.
   */
  readonly problems: readonly string[]
  readonly messageBox: Locator
  /** The list of messages. */
  readonly log: Locator
  /** Goes through the door. */
  enter(name: string): Promise<void>
  /** Writes a message and presses Enter. */
  write(text: string): Promise<void>
  /** Waits until a message with exactly this text is on the page. */
  sees(text: string): Promise<void>
  /** The texts of the messages on the page, from top to bottom. */
  texts(): Promise<string[]>
  /** Those of all messages, which may be too many to be in the page at once: scrolled through, from the first one. */
  allTexts(): Promise<string[]>
  /** Waits until the texts on the page are these and no others, in this order. */
  shows(texts: readonly string[]): Promise<void>
  /** Waits until this is what the page says of messages that were edited or deleted, or are on their way. */
  tells(fates: readonly string[]): Promise<void>
  /** The message with this text, once it is in the room. */
  message(text: string): Locator
  /** Presses a button of a message, such as Reply: it is there for who points at the message, wherever that moves. */
  press(text: string, button: string): Promise<void>
  /** The gateway that holds this person. */
  gateway(): Promise<string>
  /** Goes over to another one. Resolves with what the page says of it. */
  switchGateway(): Promise<string>
}

/** Opens the page, and closes it at teardown: after a screenshot, if the test has failed. */
export async function openChat(
  t: TestContext,
  browser: Browser,
  url: string,
  options: PageOptions = {},
): Promise<Person> {
  const { script, ...settings } = options
  const context = await browser.newContext(settings)
  t.teardown(async () => {
    if (!t.passing()) await takePictures(t, context.pages())
    await context.close()
  })
  context.setDefaultTimeout(patience)
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
  const messageBox = page.getByRole('textbox', { name: 'Message' })
  const log = page.getByRole('log', { name: 'Messages' })
  const gateway = async () => (await page.locator('#gateway').textContent()) ?? ''
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
      until(async () => (await texts()).includes(text), patience, `the page to show ${text.slice(0, 40)}`),
    texts,
    allTexts: () => allTexts(page, log),
    shows: (wanted) =>
      until(async () => (await texts()).join('\n') === wanted.join('\n'), patience, 'just these texts').catch(
        async (error: Error) => {
          throw new Error(`${error.message}: ${JSON.stringify(await texts())}`)
        },
      ),
    tells: (wanted) =>
      until(
        async () => (await log.locator('.fate').allTextContents()).join('\n') === wanted.join('\n'),
        patience,
        `the page to tell ${wanted}`,
      ),
    message,
    press: (text, button) =>
      until(
        async () => {
          // What was pressed may have been done, and the answer come too late.
          const asked = page.getByRole('dialog', { name: 'Delete this message?' })
          if (await asked.isVisible()) return true
          await message(text).hover({ timeout: 10_000 })
          await message(text).getByRole('button', { name: button }).click({ timeout: 10_000 })
          return true
        },
        patience,
        `${button} at ${text}`,
      ),
    gateway,
    async switchGateway() {
      const before = await gateway()
      const heard = await listen(page, '.gateway [role="status"]')
      let outcomes: string[] = []
      await until(
        async () => {
          const asked = outcomes.length
          await page.getByRole('button', { name: 'Switch gateway' }).first().click()
          // It takes a few attempts with a proxy that chooses at random, and says how they went.
          const isOver = async () => {
            outcomes = (await heard()).filter((text) => /[^…]$/.test(text))
            return outcomes.length > asked
          }
          await until(isOver, patience, 'an outcome')
          return (outcomes.at(-1) ?? '').startsWith('You are on') && (await gateway()) !== before
        },
        patience,
        'another gateway',
      ).catch((error: Error) => {
        throw new Error(`${error.message}: ${outcomes}`)
      })
      return outcomes.at(-1) ?? ''
    },
  }
}

/**
 * What an element of the page says from now on, each text once for as long as it stays: also what is said but for a moment.
 * The element may come later. Ends with the document.
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

async function allTexts(page: Page, log: Locator): Promise<string[]> {
  const found = new Map<string, string>()
  const scroll = async (top: 'first' | 'on') => {
    const moved = await log.evaluate((element, top) => {
      const before = element.scrollTop
      element.scrollTop = top === 'first' ? 0 : before + 400
      return element.scrollTop !== before
    }, top)
    // Drawn in the next frame.
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
    return moved
  }
  const top = page.getByText('The beginning of the room')
  const isAtTop = async () => {
    // Asked first: once all is loaded nothing comes above any more.
    const isWhole = await top.isVisible()
    return !(await scroll('first')) && isWhole
  }
  await until(isAtTop, patience, 'the beginning of the room')
  do {
    const rows = await log
      .locator('.row[data-id]:has(.text)')
      .evaluateAll((all) =>
        all.map((row) => [row.getAttribute('data-id'), row.querySelector('.text')?.textContent]),
      )
    for (const [id, text] of rows) found.set(id ?? '', text ?? '')
  } while (await scroll('on'))
  return [...found.values()]
}
