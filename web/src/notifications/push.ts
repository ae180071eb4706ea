import { openAccount } from '../state/account.ts'
import { language } from '../texts/language.ts'
import { pushed } from './pushed.ts'

/** Returns the address of the service worker, relative to the page. It tells the language, since workers can't read settings. */
function workerPath(): string {
  const { value } = language
  return value === 'en' ? 'sw.js' : `sw.js?lang=${value}`
}

/** Time limit (ms) of a request. */
const timeout = 10_000

interface ScriptUrls {
  createScriptURL(url: string): string
}
const { trustedTypes } = globalThis as {
  trustedTypes?: { createPolicy(name: string, rules: ScriptUrls): ScriptUrls }
}
/** The page's only Trusted Types policy. It lets no other script through, whatever it is asked for. */
const scripts = trustedTypes?.createPolicy('rabble-worker', { createScriptURL: workerPath })

/** The work that was asked for last. It is done after all before it, since signing in may follow signing out. */
let last: Promise<void> = Promise.resolve()
/** Token of the user who has subscribed. */
let token: string | undefined

/** Lets the server push to this browser for the user of its session, if the server does that. Never rejects. */
export function subscribe(): Promise<void> {
  return next(async () => {
    const { publicKey } = (await ask('api/push', 'GET')) as { publicKey?: string }
    if (publicKey === undefined) return end()
    const subscription = await subscriptionWith(bytesOf(publicKey))
    token = (await openAccount()).token
    const { endpoint, keys } = subscription.toJSON()
    await ask('api/push/subscription', 'PUT', { endpoint, keys })
    pushed.value = true
  })
}

/** Ends all pushes to this browser, and closes its notifications. Never rejects. */
export function unsubscribe(): Promise<void> {
  return next(end)
}

function next(work: () => Promise<void>): Promise<void> {
  // A browser without a push service, or a server that doesn't answer: notifications come from the open page only.
  last = last.then(work).catch(() => {
    pushed.value = false
  })
  return last
}

async function subscriptionWith(key: Uint8Array<ArrayBuffer>): Promise<PushSubscription> {
  await navigator.serviceWorker.register(scripts?.createScriptURL('') ?? workerPath())
  const { pushManager } = await navigator.serviceWorker.ready
  const found = await pushManager.getSubscription()
  const foundKey = found?.options.applicationServerKey
  // The operator may have new keys.
  const fits = foundKey != null && isSame(new Uint8Array(foundKey), key)
  if (found !== null && fits) return found
  await found?.unsubscribe()
  return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
}

async function end(): Promise<void> {
  pushed.value = false
  const mine = token
  token = undefined
  const registration = await navigator.serviceWorker.getRegistration()
  for (const notification of (await registration?.getNotifications()) ?? []) notification.close()
  const subscription = await registration?.pushManager.getSubscription()
  if (subscription == null) return
  const { endpoint } = subscription
  // The push service refuses what comes from now on, also if the server is not reached.
  await subscription.unsubscribe()
  if (mine !== undefined) await ask('api/push/subscription', 'DELETE', { endpoint }, mine)
}

async function ask(path: string, method: string, body?: object, bearer = token): Promise<unknown> {
  const response = await fetch(path, {
    method,
    cache: 'no-store',
    signal: AbortSignal.timeout(timeout),
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
      body: JSON.stringify(body),
    }),
  })
  if (!response.ok) throw new Error(`status ${response.status}`)
  return response.status === 204 ? undefined : response.json()
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const base64 = base64url.replaceAll('-', '+').replaceAll('_', '/')
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index])
}
