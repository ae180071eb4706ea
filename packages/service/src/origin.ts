/**
 * Whether a page of this origin may connect. Browsers always send `Origin` with a WebSocket and let any page connect
 * anywhere, so this is what keeps a stranger's page from using a visitor's session. Other clients send none.
 *
 * `host` is the Host header, which a page can't change: behind a proxy it must be the one that the browser sent.
 */
export function isAllowedOrigin(
  origin: string | undefined,
  host: string | undefined,
  allowed: ReadonlySet<string>,
): boolean {
  if (origin === undefined || allowed.has(origin)) return true
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase()
}

/**
 * A list like `https://chat.example, https://example` as a set.
 * @throws Error for an entry that is no origin
 */
export function parseOrigins(list: string): Set<string> {
  const entries = list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
  for (const entry of entries) {
    if (!URL.canParse(entry) || new URL(entry).origin !== entry) {
      throw new Error(
        `RABBLE_ALLOWED_ORIGINS must hold origins like https://chat.example, but holds ${entry}`,
      )
    }
  }
  return new Set(entries)
}
