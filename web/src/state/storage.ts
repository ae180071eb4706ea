const prefix = 'rabble.page.'
/** Fallback if the browser refuses to store (privacy settings, no space). A reload loses it. */
const memory = new Map<string, string>()

/**
 * Session storage of this tab: unsent messages, drafts and names. It survives a reload, and other tabs don't see it. The user is in
 * the browser's cookie, which all tabs share.
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
      // There is nothing to remove.
    }
  },
}

/** Removes all data of the page in this tab. The SDK removes its own. */
export function clearStorage(): void {
  let keys = [...memory.keys()]
  try {
    keys = [...keys, ...Object.keys(sessionStorage)]
  } catch {
    // Only the memory has something to remove.
  }
  for (const key of keys) if (key.startsWith(prefix)) tabStorage.removeItem(key)
}

/** Returns a value that the page stored; undefined without one. */
export function load(key: string): unknown {
  try {
    return JSON.parse(tabStorage.getItem(prefix + key) ?? 'null') ?? undefined
  } catch {
    return undefined
  }
}

/** Stores a value as JSON. `undefined` removes it. */
export function save(key: string, value: unknown): void {
  if (value === undefined) tabStorage.removeItem(prefix + key)
  else tabStorage.setItem(prefix + key, JSON.stringify(value))
}

/** Returns a setting of this browser; undefined if it was never set. It is not of a user, and stays after signing out. */
export function loadSetting(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(prefix + key) ?? 'null') ?? undefined
  } catch {
    return undefined
  }
}

/** Stores a setting as JSON. `undefined` removes it. If the browser refuses to store, it holds until the page is closed. */
export function saveSetting(key: string, value: unknown): void {
  try {
    if (value === undefined) localStorage.removeItem(prefix + key)
    else localStorage.setItem(prefix + key, JSON.stringify(value))
  } catch {
    // The page has the value.
  }
}

/** Whether the user has signed out in this browser, and the server doesn't know yet. */
export function isSigningOut(): boolean {
  return loadSetting('signing-out') === true
}

export function markSigningOut(is: boolean): void {
  saveSetting('signing-out', is || undefined)
}
