import { t } from '../texts/texts.ts'

export interface Shortcut {
  /** Place in which it works. */
  where: keyof typeof t.shortcuts.sections
  /** Each of them works. `Mod` is Cmd on a Mac, Ctrl elsewhere. */
  keys: readonly string[]
}

/** All shortcuts of the page: those that it handles, and the list that it shows. The texts of a language say what each does. */
export const shortcuts = {
  goTo: { where: 'anywhere', keys: ['Mod+K'] },
  previous: { where: 'anywhere', keys: ['Alt+ArrowUp'] },
  next: { where: 'anywhere', keys: ['Alt+ArrowDown'] },
  previousUnread: { where: 'anywhere', keys: ['Alt+Shift+ArrowUp'] },
  nextUnread: { where: 'anywhere', keys: ['Alt+Shift+ArrowDown'] },
  toNewest: { where: 'anywhere', keys: ['Escape'] },
  help: { where: 'anywhere', keys: ['?', 'Mod+/'] },
  send: { where: 'writing', keys: ['Enter', 'Mod+Enter'] },
  newLine: { where: 'writing', keys: ['Shift+Enter'] },
  editLast: { where: 'writing', keys: ['ArrowUp'] },
  take: { where: 'writing', keys: ['Tab', 'Enter'] },
  cancel: { where: 'writing', keys: ['Escape'] },
  older: { where: 'message', keys: ['ArrowUp'] },
  newer: { where: 'message', keys: ['ArrowDown'] },
  reply: { where: 'message', keys: ['R'] },
  react: { where: 'message', keys: ['+'] },
  edit: { where: 'message', keys: ['E'] },
  remove: { where: 'message', keys: ['Delete'] },
} as const satisfies Record<keyof typeof t.shortcuts.does, Shortcut>

export type ShortcutName = keyof typeof shortcuts

type Pressed = Pick<KeyboardEvent, 'key' | 'code' | 'altKey' | 'ctrlKey' | 'metaKey' | 'shiftKey'>

/** Whether a key event is one of the shortcut's keys. */
export function isPressed(name: ShortcutName, event: Pressed, mac: boolean): boolean {
  return shortcuts[name].keys.some((keys) => fits(keys, event, mac))
}

/** Whether a key writes a character if the focus is in a text field. */
export function isCharacter({ key, altKey, ctrlKey, metaKey }: Pressed): boolean {
  return [...key].length === 1 && !altKey && !ctrlKey && !metaKey
}

/** Returns the names of the keys of a combination, as they stand on keyboards. */
export function namesOf(keys: string, mac: boolean): string[] {
  const { mod, alt, shift, key } = partsOf(keys)
  const names = t.shortcuts.keys
  const named: Record<string, string> = {
    Delete: names.delete,
    Enter: names.enter,
    Escape: names.escape,
    Tab: names.tab,
  }
  return [
    ...(mod ? [mac ? '⌘' : names.ctrl] : []),
    ...(alt ? [mac ? '⌥' : names.alt] : []),
    ...(shift ? [mac ? '⇧' : names.shift] : []),
    { ...named, ArrowUp: '↑', ArrowDown: '↓' }[key] ?? key,
  ]
}

function partsOf(keys: string): { mod: boolean; alt: boolean; shift: boolean; key: string } {
  const [, mod, alt, shift, key = ''] = /^(Mod\+)?(Alt\+)?(Shift\+)?(.+)$/.exec(keys) ?? []
  return { mod: mod !== undefined, alt: alt !== undefined, shift: shift !== undefined, key }
}

function fits(keys: string, event: Pressed, mac: boolean): boolean {
  const { mod, alt, shift, key } = partsOf(keys)
  const [main, other] = mac ? [event.metaKey, event.ctrlKey] : [event.ctrlKey, event.metaKey]
  if (main !== mod || other || event.altKey !== alt) return false
  // Whether a sign needs Shift depends on the keyboard.
  const isSign = /^[^A-Z]$/.test(key)
  if (!isSign && event.shiftKey !== shift) return false
  if (event.key.toUpperCase() === key.toUpperCase()) return true
  // A keyboard of another script has the letter at the place of the Latin one.
  return /^[A-Z]$/.test(key) && /^[^\p{ASCII}]$/u.test(event.key) && event.code === `Key${key}`
}
