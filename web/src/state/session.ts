import { batch, computed, signal } from '@preact/signals'
import { type Chat, ChatError, type ChatState, connect, type User } from '@rabble/client'
import { errorText } from '../texts/error-text.ts'
import { t } from '../texts/texts.ts'
import { type Account, askForWays, closeAccount, openAccount, Refusal, type Ways } from './account.ts'
import { clearStorage, isSigningOut, load, markSigningOut, save, tabStorage } from './storage.ts'

/** Number of messages that each room holds. Scrolling back loads more. */
const keep = 300

/** Current chat; undefined before sign-in. */
export const chat = signal<Chat | undefined>(undefined)
/** State of the connection. */
export const connection = signal<ChatState>({ status: 'connecting', attempt: 1 })
/** Roles of this user, as of the last token. */
export const roles = signal<readonly string[]>([])
/** Whether the page shows the chat. Otherwise it shows the sign-in. */
export const inside = signal(false)
/**
 * The sign-in: `ways` are known after a while, `busy` is what the page waits for, `problem` why something did not work. With `erasedUntil`
 * the former user is being erased, and can't come in until this time.
 */
export const signIn = signal<{
  name: string
  ways?: Ways
  busy?: string
  problem?: string
  erasedUntil?: string
}>({ name: '' })
/**
 * Counter that increases when the chat's objects have changed, once per animation frame. The SDK's objects are no signals, so
 * each component that draws one of them must read `changes.value`. It is not enough if its parent does: a component that
 * reads signals is drawn again only for these, or for other props.
 */
export const changes = signal(0)
/** This user, as the server named it. */
export const me = computed<User | undefined>(() => {
  changes.value
  return connection.value.status === 'open' ? connection.value.user : chat.value?.user
})

const openings = new Set<(chat: Chat) => void>()
const endings = new Set<() => void>()
let due = false

/** Calls `opened` with each new chat, before it is connected. */
export function onEnter(opened: (chat: Chat) => void): void {
  openings.add(opened)
}

/** Calls `forget` when the user signs out. The next user of this page must not see data of the one before. */
export function onSignOut(forget: () => void): void {
  endings.add(forget)
}

/**
 * Time (ms) for which a token is used again, so that a server that comes back is not asked for a token by everybody, and for which it
 * is used if there is no other one. It is valid for 12 hours.
 */
const tokenAge = 60 * 60_000
const longestTokenAge = 11 * 60 * 60_000
/** Pauses (ms) between attempts to reach the server. */
const firstPause = 1_000
const longestPause = 15_000

/** Counts what the user wants: an attempt for something that the user no longer wants ends. */
let wish = 0

/** Signs in as a guest of this name, and enters the chat. */
export async function signInAs(name: string): Promise<void> {
  const { ways } = signIn.peek()
  const state = { name, ...(ways && { ways }) }
  signIn.value = { ...state, busy: t.shell.connecting }
  try {
    const account = await reached(() => openAccount(name))
    if (account !== undefined) enter(account.user, account)
  } catch (error) {
    signIn.value = { ...state, problem: problemOf(error) }
  }
}

/**
 * Enters the chat as the user of the browser's session. A user who was in and is refused still sees the chat and unsent messages.
 * `account`: with its token, if there is one already.
 */
function enter(user: User, account?: Account): void {
  wish++
  const before = inside.peek() ? chat.peek() : undefined
  chat.value?.close()
  const tokens = keepToken(user, account)
  const entering = connect({ user, getToken: tokens.get, storage: tabStorage, keep })
  const { name } = user
  const { ways } = signIn.peek()
  const state = { name, ...(ways && { ways }) }
  let opened = false
  batch(() => {
    chat.value = entering
    connection.value = entering.state
    signIn.value = { ...state, busy: t.shell.connecting }
    // First of all, since this reads the stored rooms, which later effects overwrite.
    for (const each of openings) each(entering)
  })
  entering.subscribe(draw)
  entering.on('state', ({ state: now }) => {
    if (chat.value !== entering) return
    connection.value = now
    if (now.status === 'open') {
      opened = true
      save('user', now.user)
      signIn.value = state
      inside.value = true
    } else if (now.status === 'closed' && !opened) {
      const isUnsent = entering.pending.length > 0 || load('drafts') !== undefined
      if (before !== undefined) chat.value = before
      else if (!inside.peek() || !isUnsent) leave(sentence(errorText(now)))
    } else if (now.status === 'waiting') {
      if (now.code === 'unauthorized' || now.code === 'token-expired') tokens.forget()
      signIn.value = { ...state, busy: `${sentence(errorText(now))} ${t.common.tryingAgain}` }
    }
  })
}

/** Enters the chat again, after the server has closed it. */
export function enterAgain(): void {
  const user = chat.peek()?.user
  if (user !== undefined) enter(user)
}

/** Keeps a token of the browser's session. Leaves the chat if the session has ended, or is another user's by now. */
function keepToken(user: User, first?: Account): { get(): Promise<string>; forget(): void } {
  let token = first?.token
  roles.value = first?.roles ?? []
  let since = performance.now()
  return {
    async get() {
      const age = performance.now() - since
      if (token !== undefined && age < tokenAge) return token
      const mine = wish
      try {
        const account = await openAccount()
        if (account.user.id !== user.id) {
          if (mine === wish) setTimeout(switchTo, 0, account)
          throw new Error('another user has signed in')
        }
        token = account.token
        roles.value = account.roles
        since = performance.now()
        return token
      } catch (error) {
        if (error instanceof Refusal) {
          const why = error.status === 401 ? t.problems.signedOut : problemOf(error)
          if (mine === wish) setTimeout(leave, 0, why)
        } else if (token !== undefined && age < longestTokenAge) return token
        throw isSilent(error) ? new ChatError('disconnected', 'the server does not answer') : error
      }
    },
    forget() {
      token = undefined
    },
  }
}

/** Goes on as another user, who has signed in in another tab. */
function switchTo(account: Account): void {
  forgetUser()
  enter(account.user, account)
}

/** Enters the chat as the user of the browser's session. Without one, shows the ways to sign in. */
export async function comeBack(): Promise<void> {
  const mine = ++wish
  const problem = takeProblem()
  if (isSigningOut()) return endSession()
  const user = load('user')
  if (isUser(user)) {
    inside.value = true
    return enter(user)
  }
  signIn.value = { name: '', busy: t.shell.connecting }
  try {
    const account = await reached(() => openAccount())
    if (account !== undefined) enter(account.user, account)
  } catch (error) {
    if (mine !== wish) return
    const isNew = error instanceof Refusal && error.status === 401
    await offer(problem ?? (isNew ? undefined : problemOf(error)))
  }
}

/** Shows the ways to sign in, and a problem. */
export async function offer(problem?: string): Promise<void> {
  const { name, erasedUntil } = signIn.peek()
  const ways = await reached(askForWays)
  if (ways === undefined) return
  signIn.value = {
    name,
    ways,
    ...(problem !== undefined && { problem }),
    ...(erasedUntil !== undefined && { erasedUntil }),
  }
}

/**
 * Signs out: ends the session in all tabs, and discards unsent messages. A guest's identity is lost permanently. `erasedUntil`: the
 * user is being erased.
 */
export function signOut(erasedUntil?: string): void {
  forgetUser()
  wish++
  markSigningOut(true)
  signIn.value = erasedUntil === undefined ? { name: signIn.peek().name } : { name: '', erasedUntil }
  void endSession()
}

/** Ends the browser's session. While the server can't be reached, this is tried again, after a reload as well. */
async function endSession(): Promise<void> {
  signIn.value = { ...signIn.peek(), busy: t.signIn.signingOut }
  const done = await reached(() => closeAccount().then(() => true)).catch(() => true)
  if (done === undefined) return
  markSigningOut(false)
  await offer()
}

/** Leaves the chat, and forgets all that this tab holds of its user. */
function leave(problem?: string): void {
  const { name } = signIn.peek()
  forgetUser()
  wish++
  signIn.value = { name, busy: t.shell.connecting }
  void offer(problem)
}

function forgetUser(): void {
  chat.value?.close({ forget: true })
  chat.value = undefined
  inside.value = false
  roles.value = []
  for (const forget of endings) forget()
  clearStorage()
}

/**
 * Asks the server until it answers, and shows meanwhile what is wrong. Returns undefined if the user wants something else by then.
 * @throws Refusal
 */
async function reached<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
  const mine = wish
  for (let pause = firstPause; ; pause = Math.min(longestPause, 2 * pause)) {
    try {
      const answer = await ask()
      return mine === wish ? answer : undefined
    } catch (error) {
      if (mine !== wish) return undefined
      if (error instanceof Refusal) throw error
      const why = isSilent(error) ? t.problems.unreachable : problemOf(error)
      signIn.value = { ...signIn.peek(), busy: `${why} ${t.common.tryingAgain}` }
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}

/** Whether a request got no answer. */
function isSilent(error: unknown): boolean {
  return error instanceof TypeError || error instanceof DOMException
}

/** Returns what went wrong at the provider, as the address tells it, and removes it from the address. */
function takeProblem(): string | undefined {
  const { searchParams, href, hash } = new URL(location.href)
  const result = searchParams.get('sign-in')
  if (result === null) return undefined
  history.replaceState(history.state, '', href.replace(/\?[^#]*/, '').replace(/#.*/, '') + hash)
  if (result === 'denied') return t.problems.signInDenied
  if (result === 'expired') return t.problems.signInExpired
  return result === 'unavailable' ? t.problems.signInUnavailable : t.problems.signInFailed
}

function isUser(value: unknown): value is User {
  const { id, name } = (value ?? {}) as Partial<User>
  return typeof id === 'string' && typeof name === 'string'
}

/** Returns an error text with a capital and a full stop, which error texts lack. */
export function sentence(text: string): string {
  const [first = '', ...rest] = text
  return `${first.toLocaleUpperCase()}${rest.join('')}${/[.!?…]$/.test(text) ? '' : '.'}`
}

/** Returns an error as a sentence for people. */
export function problemOf(error: unknown): string {
  if (error instanceof ChatError && error.code === 'disconnected') return t.problems.unreachable
  return error instanceof Error ? sentence(errorText(error)) : String(error)
}

/** Increases `changes` at the next frame, or after 300 ms: a hidden page gets no frames, but must update its title. */
function draw(): void {
  if (due) return
  due = true
  const run = () => {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
    due = false
    changes.value++
  }
  const frame = requestAnimationFrame(run)
  const timer = setTimeout(run, 300)
}
