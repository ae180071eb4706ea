import { signal } from '@preact/signals'
import { loadSetting, saveSetting } from '../state/storage.ts'
import { isPressed, type ShortcutName } from './table.ts'

/** Whether the keyboard has Cmd in place of Ctrl. */
export const isMac = /mac|iphone|ipad/i.test(navigator.platform)

/** Whether this key event is the shortcut. */
export function pressed(name: ShortcutName, event: KeyboardEvent): boolean {
  return isPressed(name, event, isMac)
}

/**
 * Whether shortcuts of a single character work. Speech recognition types such characters, so users can turn them off
 * (WCAG 2.1.4). A setting of this browser.
 */
export const characterKeys = signal(loadSetting('character-keys') !== false)

export function setCharacterKeys(on: boolean): void {
  saveSetting('character-keys', on ? undefined : false)
  characterKeys.value = on
}
