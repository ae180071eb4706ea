/** View of the main column. It is stored in the fragment (#) of the address, so that links and "back" work. */
export type Route =
  | { view: 'room'; room: string }
  /** Direct messages with the user of this id. */
  | { view: 'direct'; user: string }
  | { view: 'rooms' }
  | { view: 'live' }
  | { view: 'moderation'; part: ModerationPart }
  /** Search in one room, or in all. */
  | { view: 'search'; query: string; room?: string | undefined }

/** Part of the page for moderators. */
export type ModerationPart = 'reports' | 'restrictions' | 'audit'

export const firstRoom = 'general'

/** Returns the view of a fragment. No room name contains `/` or `@`. */
export function routeOf(hash: string): Route {
  const rest = hash.replace(/^#/, '')
  if (rest === '/rooms') return { view: 'rooms' }
  if (rest === '/live') return { view: 'live' }
  if (rest.startsWith('/moderation')) {
    const part = rest.slice('/moderation/'.length)
    return { view: 'moderation', part: part === 'restrictions' || part === 'audit' ? part : 'reports' }
  }
  if (rest.startsWith('/search')) {
    const asked = new URLSearchParams(rest.slice(7))
    return { view: 'search', query: asked.get('q') ?? '', room: asked.get('room') ?? undefined }
  }
  const name = decoded(rest).normalize('NFC')
  if (name.startsWith('@')) return { view: 'direct', user: name.slice(1) }
  return { view: 'room', room: name || firstRoom }
}

export function hashOf(route: Route): string {
  switch (route.view) {
    case 'room':
      return `#${encodeURIComponent(route.room)}`
    case 'direct':
      return `#@${encodeURIComponent(route.user)}`
    case 'search':
      return `#/search?${new URLSearchParams({ q: route.query, ...(route.room !== undefined && { room: route.room }) })}`
    case 'moderation':
      return `#/moderation/${route.part}`
    case 'rooms':
    case 'live':
      return `#/${route.view}`
    default:
      return route satisfies never
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}
