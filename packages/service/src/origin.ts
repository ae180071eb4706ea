/** Origins of pages that may act here, besides the service's own. */
export type Origins = Pick<ReadonlySet<string>, 'has'>

/** Scheme and host of a request, as far as a trusted proxy reports them. */
export interface Reached {
  protocol: string
  /** Host header, which a page can't change: behind a proxy it must be the one that the browser sent. */
  host: string | undefined
}

/** Schemes that pages don't have: no browser sends an origin with one of them. */
const pageless: ReadonlySet<string> = new Set(['ws:', 'wss:', 'ftp:'])

/**
 * Whether a page of this origin may connect. Browsers always send `Origin` with a WebSocket and let any page connect anywhere, so
 * this check prevents a foreign page from using a visitor's session. Other clients send no `Origin`.
 *
 * A page of the same host is allowed. If the request came over https, the page must have come over https too: an attacker on the
 * network could have written a page over http. If the request came over http, the page may be of https: a proxy may end TLS
 * without saying so.
 */
export function isAllowedOrigin(
  origin: string | undefined,
  { protocol, host }: Reached,
  allowed: Origins,
): boolean {
  if (origin === undefined || allowed.has(origin)) return true
  if (host === undefined || !URL.canParse(origin)) return false
  const page = new URL(origin)
  const isSafe = page.protocol === 'https:' || (page.protocol === 'http:' && protocol === 'http')
  return isSafe && page.host === host.toLowerCase()
}

/**
 * Parses a list like `https://chat.example, https://*.example.com, capacitor://localhost, null`. A `*` stands for one or more
 * labels of a name, as in a content security policy.
 * @throws Error for an entry that no browser ever sends
 */
export function parseOrigins(list: string): Origins {
  const broken = brokenByOrigins(list)
  if (broken !== undefined) throw new Error(`RABBLE_ALLOWED_ORIGINS ${broken}`)
  const entries = entriesOf(list)
  const exact = new Set(entries)
  const patterns = entries.flatMap((entry) => {
    const [scheme, domain] = entry.split('*.')
    if (scheme === undefined || domain === undefined) return []
    return [new RegExp(`^${scheme}(?:[a-z0-9_-]+\\.)+${domain.replace(/[^a-z0-9]/g, '\\$&')}$`)]
  })
  return { has: (origin) => exact.has(origin) || patterns.some((pattern) => pattern.test(origin)) }
}

/** Returns the rule that such a list breaks, or undefined. */
export function brokenByOrigins(list: string): string | undefined {
  const wrong = entriesOf(list).find((entry) => !isOrigin(entry))
  if (wrong === undefined) return undefined
  const meant = meantBy(wrong)
  const hint = meant === undefined ? '' : ` (write ${meant})`
  return `must be origins as browsers send them, such as https://chat.example, https://*.example.com, capacitor://localhost or null, separated by commas; ${wrong} can never match${hint}`
}

function entriesOf(list: string): string[] {
  return list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

/** Whether some browser or web view sends this, or a value of the wildcard, as its origin. */
function isOrigin(entry: string): boolean {
  // Origins of local files and sandboxed frames: `null` by the standard, `file://` in Chromium for a WebSocket.
  if (entry === 'null' || entry === 'file://') return true
  const sample = entry.replace(/^(https?:\/\/)\*\.(?=[a-z0-9])/, '$1any.')
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@*]+$/.test(sample) || !URL.canParse(sample)) return false
  const { protocol, origin } = new URL(sample)
  if (protocol === 'http:' || protocol === 'https:') return origin === sample
  return !pageless.has(protocol)
}

/** Returns the origin that was probably meant by an entry with a path, capitals, the default port, or ws. */
function meantBy(entry: string): string | undefined {
  if (!URL.canParse(entry)) return undefined
  const { protocol, host } = new URL(entry.replace(/^ws(s?):/i, 'http$1:'))
  const meant = `${protocol}//${host}`
  return isOrigin(meant) ? meant : undefined
}
