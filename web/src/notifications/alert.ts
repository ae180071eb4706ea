import type { ConversationState } from '@rabble/client/conversations'
import { beginning, shown } from '../conversation/shown.ts'
import { routeTo, titleOf } from '../state/rooms.ts'
import { go, hashOf } from '../state/route.ts'
import { me } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { textOf } from './news.ts'
import { isAnyVisible } from './visible-tab.ts'

/** Number of characters of a message. */
const maxText = 200
/** Time (ms) within which the other tabs of the browser get the same news. */
const apart = 5_000
/** Frequencies (Hz) and the length (s) of each tone. */
const tones = [660, 880]
const toneLength = 0.09

/** Shows a notification that leads to the conversation, from one of the browser's tabs and if none is visible. */
export async function alertOf(conversation: ConversationState, sound: boolean): Promise<void> {
  const { room, lastMessage } = conversation
  if (await isAnyVisible()) return
  const tag = `rabble ${room} ${lastMessage?.id}`
  await navigator.locks.request(tag, { ifAvailable: true }, async (lock) => {
    if (lock === null) return
    await show(conversation, tag)
    if (sound) play()
    await new Promise((resolve) => setTimeout(resolve, apart))
  })
}

async function show(conversation: ConversationState, tag: string): Promise<void> {
  const { room, peer, lastMessage } = conversation
  const text = textOf(conversation, me.peek()?.id)
  const said = text === undefined ? t.notifications.mentioned : beginning(shown(text), maxText)
  const body = peer === undefined && text !== undefined ? `${lastMessage?.from.name}: ${said}` : said
  const registration = await navigator.serviceWorker?.getRegistration()
  if (registration?.active != null) {
    // As in public/sw.js, which may show the same message, and answers the click. On Android there is no other way.
    const data = { id: lastMessage?.id, hash: hashOf(routeTo(room)) }
    const options = { body, tag: `rabble ${room}`, renotify: true, icon: 'icon-192.png', data }
    return registration.showNotification(titleOf(room), options)
  }
  const notification = new Notification(titleOf(room), { body, tag })
  notification.onclick = () => {
    notification.close()
    window.focus()
    go(routeTo(room))
  }
}

/** Plays two short tones. Browsers refuse it until the user has clicked in the page or typed something. */
function play(): void {
  const context = new AudioContext()
  const volume = new GainNode(context, { gain: 0.08 })
  volume.connect(context.destination)
  for (const [index, frequency] of tones.entries()) {
    const tone = new OscillatorNode(context, { frequency })
    const start = context.currentTime + index * toneLength
    tone.connect(volume)
    tone.start(start)
    tone.stop(start + toneLength)
    if (index === tones.length - 1) tone.onended = () => void context.close()
  }
}
