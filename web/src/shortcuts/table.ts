/** Places in which shortcuts work, with their titles for people. */
export const sections = {
  anywhere: 'Anywhere',
  writing: 'While you write',
  message: 'On a message that has the focus',
} as const

export interface Shortcut {
  where: keyof typeof sections
  /** Each of them works. `Mod` is Cmd on a Mac, Ctrl elsewhere. */
  keys: readonly string[]
  /** Its effect, for people. */
  does: string
}

/** All shortcuts of the page: those that it handles, and the list that it shows. */
export const shortcuts = {
  goTo: { where: 'anywhere', keys: ['Mod+K'], does: 'Go to a room, a person or a message' },
  previous: { where: 'anywhere', keys: ['Alt+ArrowUp'], does: 'Previous conversation' },
  next: { where: 'anywhere', keys: ['Alt+ArrowDown'], does: 'Next conversation' },
  previousUnread: {
    where: 'anywhere',
    keys: ['Alt+Shift+ArrowUp'],
    does: 'Previous conversation with unread messages',
  },
  nextUnread: {
    where: 'anywhere',
    keys: ['Alt+Shift+ArrowDown'],
    does: 'Next conversation with unread messages',
  },
  toNewest: { where: 'anywhere', keys: ['Escape'], does: 'Go to the newest messages and mark them as read' },
  help: { where: 'anywhere', keys: ['?', 'Mod+/'], does: 'Show these shortcuts' },
  send: { where: 'writing', keys: ['Enter', 'Mod+Enter'], does: 'Send' },
  newLine: { where: 'writing', keys: ['Shift+Enter'], does: 'Begin a new line' },
  editLast: { where: 'writing', keys: ['ArrowUp'], does: 'Edit your last message, if the box is empty' },
  take: { where: 'writing', keys: ['Tab', 'Enter'], does: 'Take the suggestion, after @ or :' },
  cancel: { where: 'writing', keys: ['Escape'], does: 'Cancel a reply or an edit' },
  older: { where: 'message', keys: ['ArrowUp'], does: 'Message before it' },
  newer: { where: 'message', keys: ['ArrowDown'], does: 'Message after it' },
  reply: { where: 'message', keys: ['R'], does: 'Reply' },
  react: { where: 'message', keys: ['+'], does: 'Add a reaction' },
  edit: { where: 'message', keys: ['E'], does: 'Edit, if it is yours' },
  remove: { where: 'message', keys: ['Delete'], does: 'Delete, if it is yours' },
} as const satisfies Record<string, Shortcut>

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
  return [
    ...(mod ? [mac ? '⌘' : 'Ctrl'] : []),
    ...(alt ? [mac ? '⌥' : 'Alt'] : []),
    ...(shift ? [mac ? '⇧' : 'Shift'] : []),
    signs[key] ?? key,
  ]
}

const signs: Record<string, string> = { ArrowUp: '↑', ArrowDown: '↓', Escape: 'Esc', Delete: 'Del' }

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
