/** What the tab keeps if the browser refuses (privacy settings, no space): it works, but forgets at a reload. */
const memory = new Map<string, string>()

/**
 * The session storage of this tab: a reload comes back to it, another tab doesn't see it, so that two tabs are two guests.
 */
export const tabStorage = {
  getItem(key: string): string | null {
    try {
      return memory.get(key) ?? sessionStorage.getItem(key)
    } catch {
      return null
    }
  },
  setItem(key: string, value: string): void {
    try {
      sessionStorage.setItem(key, value)
      memory.delete(key)
    } catch {
      memory.set(key, value)
    }
  },
  removeItem(key: string): void {
    memory.delete(key)
    try {
      sessionStorage.removeItem(key)
    } catch {
      // Nothing is there.
    }
  },
}

/** Takes away all that the page and the SDK keep in this tab. */
export function clearStorage(): void {
  memory.clear()
  try {
    for (const key of Object.keys(sessionStorage))
      if (key.startsWith('rabble.')) sessionStorage.removeItem(key)
  } catch {
    // Nothing is there.
  }
}

/** What the page itself keeps, as JSON; undefined if there is none. */
export function load(key: string): unknown {
  try {
    return JSON.parse(tabStorage.getItem(`rabble.page.${key}`) ?? 'null') ?? undefined
  } catch {
    return undefined
  }
}

/** Nothing is kept of `undefined`. */
export function save(key: string, value: unknown): void {
  if (value === undefined) tabStorage.removeItem(`rabble.page.${key}`)
  else tabStorage.setItem(`rabble.page.${key}`, JSON.stringify(value))
}
