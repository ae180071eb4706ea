/*
 * Service worker of the chat page. It only shows what the server pushes while no tab of the page is visible, and keeps no file: the
 * page always comes from the server. A script of its own and not a module, so that all browsers run it as it is.
 */

/** Its only text of its own, by the language of the page that has registered it: sw.js?lang=de. */
const newMessage = { de: 'Neue Nachricht.', en: 'You have a new message.' }
const lang = new URLSearchParams(self.location.search).get('lang')

self.addEventListener('push', (event) => event.waitUntil(notify(payloadOf(event.data))))
self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open(event.notification.data?.hash ?? ''))
})

/** Returns a push as the server makes it (services/history/src/push/payload.ts); an empty object if it is none. */
function payloadOf(data) {
  try {
    return data?.json() ?? {}
  } catch {
    return {}
  }
}

async function notify({ kind, room, peer, from, id, text }) {
  const pages = await openPages()
  // The page shows what is unread. Browsers allow a push without a notification only in this case.
  if (pages.some(({ visibilityState }) => visibilityState === 'visible')) return
  if (typeof room !== 'string') {
    await self.registration.showNotification('Rabble', {
      body: newMessage[lang] ?? newMessage.en,
      tag: 'rabble',
    })
    return
  }
  const isDirect = kind === 'direct'
  // The page gives its own notifications the same tag and data, so that a hidden tab and a push make one.
  const tag = `rabble ${room}`
  const shown = await self.registration.getNotifications({ tag })
  const isKnown = shown.some(({ data }) => data?.id === id)
  await self.registration.showNotification(isDirect ? from : room, {
    body: isDirect ? text : `${from}: ${text}`,
    tag,
    renotify: !isKnown,
    silent: isKnown,
    icon: 'icon-192.png',
    data: { id, hash: isDirect ? `#@${encodeURIComponent(peer)}` : `#${encodeURIComponent(room)}` },
  })
}

/** Shows a conversation: in the tab that was used last, or in a new one. */
async function open(hash) {
  const [page] = await openPages()
  if (page === undefined) {
    await self.clients.openWindow(`./${hash}`)
    return
  }
  page.postMessage({ show: hash })
  await page.focus()
}

/** Returns the tabs with the page, those that were used last first. Other pages of the server are no chat. */
async function openPages() {
  const all = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const { pathname } = new URL(self.registration.scope)
  return all.filter(({ url }) => new URL(url).pathname.replace(/index\.html$/, '') === pathname)
}
