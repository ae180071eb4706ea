import { badge } from '../conversation/unread.ts'
import { allUnread } from '../state/reading.ts'
import { current, titleOf } from '../state/rooms.ts'

/** Shows the current conversation and the number of unread messages in the title of the tab, and a dot in its icon. */
export function showTitle(): void {
  const count = allUnread.value
  const title = current.value === undefined ? 'Rabble' : `${titleOf(current.value.name)} · Rabble`
  document.title = count === 0 ? title : `(${badge(count)}) ${title}`
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
  const href = icon?.href.replace(/favicon(-unread)?\.svg$/, `favicon${count === 0 ? '' : '-unread'}.svg`)
  if (icon !== null && href !== undefined && icon.href !== href) icon.href = href
}
