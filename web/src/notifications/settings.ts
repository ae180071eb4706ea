import { signal } from '@preact/signals'
import { loadSetting, saveSetting } from '../state/storage.ts'

/** Whether the browser has notifications. Without HTTPS it has none. */
export const isPossible = 'Notification' in globalThis && globalThis.isSecureContext

/** Whether the user wants notifications in this browser, and a sound with them. */
export const settings = signal({
  notify: loadSetting('notify') === true,
  sound: loadSetting('sound') !== false,
})

export function set(name: 'notify' | 'sound', value: boolean): void {
  saveSetting(name, value)
  settings.value = { ...settings.peek(), [name]: value }
  if (name === 'notify') followPush(value)
}

/** Whether the user wants notifications, and the browser shows them. */
export function areOn(): boolean {
  return settings.peek().notify && Notification.permission === 'granted'
}

/** Lets the server push to this browser, if both can, or ends that. */
export function followPush(wanted: boolean): void {
  if (!('PushManager' in globalThis && 'serviceWorker' in navigator)) return
  import('./push.ts').then(
    ({ subscribe, unsubscribe }) => (wanted ? subscribe() : unsubscribe()),
    () => {},
  )
}

/** Asks the user for the browser's permission, and turns notifications on. Resolves with the answer. */
export async function turnOn(): Promise<NotificationPermission> {
  const answer = await Notification.requestPermission()
  if (answer === 'granted') set('notify', true)
  return answer
}
