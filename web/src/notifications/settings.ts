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
}

/** Asks the user for the browser's permission, and turns notifications on. Resolves with the answer. */
export async function turnOn(): Promise<NotificationPermission> {
  const answer = await Notification.requestPermission()
  if (answer === 'granted') set('notify', true)
  return answer
}
