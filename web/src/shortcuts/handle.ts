import { toEnd } from '../conversation/jump.ts'
import { goToOpen, openGoTo } from '../go-to/box.ts'
import { nextOf } from '../rooms/listed.ts'
import { listed } from '../rooms/sidebar-list.ts'
import { routeOf } from '../state/address.ts'
import { line, unreadOf } from '../state/reading.ts'
import { current, routeTo } from '../state/rooms.ts'
import { go, hashOf } from '../state/route.ts'
import { helpOpen } from './help-open.ts'
import { characterKeys, isMac, pressed } from './keyboard.ts'
import { isCharacter, type ShortcutName } from './table.ts'

/** Acts on a shortcut. Returns whether the browser must not act on the key as well. */
type Action = (target: Element) => boolean

const textField = 'textarea, [contenteditable], input:not([type="checkbox"], [type="radio"])'
/** Fields in which Alt and an arrow open a list, or step through values. */
const choice = 'select, [role="combobox"], input:not([type="text"], [type="search"])'

const actions: Partial<Record<ShortcutName, Action>> = {
  goTo() {
    openGoTo()
    return true
  },
  help() {
    helpOpen.value = true
    return true
  },
  previous: (target) => step(target, -1, () => true),
  next: (target) => step(target, 1, () => true),
  previousUnread: (target) => step(target, -1, isUnread),
  nextUnread: (target) => step(target, 1, isUnread),
  toNewest(target) {
    if (current.peek() === undefined || target.matches('select, input')) return false
    toEnd.value++
    line.value = undefined
    return false
  },
  reply: (target) => act(target, 'reply'),
  react: (target) => act(target, 'react'),
  edit: (target) => act(target, 'edit'),
  remove: (target) => act(target, 'remove'),
}

/** Acts on the shortcuts of the page. The composer and the list of messages handle theirs first. Returns a function that ends it. */
export function startShortcuts(): () => void {
  document.addEventListener('keydown', press)
  return () => document.removeEventListener('keydown', press)
}

function press(event: KeyboardEvent): void {
  const { target } = event
  if (event.defaultPrevented || event.isComposing || !(target instanceof Element)) return
  if (document.querySelector('dialog[open]') !== null) {
    if (!goToOpen.peek() || !pressed('goTo', event)) return
    event.preventDefault()
    goToOpen.value = false
    return
  }
  if (isCharacter(event) && (target.matches(textField) || !characterKeys.peek())) return
  for (const [name, action] of Object.entries(actions) as [ShortcutName, Action][]) {
    if (!pressed(name, event)) continue
    if (action(target)) event.preventDefault()
    return
  }
}

/** Goes to the next conversation in this direction. */
function step(target: Element, by: 1 | -1, isWanted: (room: string) => boolean): boolean {
  // On a Mac these keys move the caret.
  const isMoving = isMac && target.matches(textField) && (target as HTMLTextAreaElement).value !== ''
  if (target.matches(choice) || isMoving) return false
  const { rooms, direct } = listed.peek()
  const all = [...rooms, ...direct].map(({ room }) => room)
  // From the address, since the view follows it a moment later.
  const here = hashOf(routeOf(location.hash))
  const at = all.findIndex((room) => hashOf(routeTo(room)) === here)
  const room = nextOf(all, at, by, isWanted)
  if (room !== undefined) go(routeTo(room))
  return true
}

function isUnread(room: string): boolean {
  const { messages, mentions } = unreadOf(room)
  return messages + mentions > 0
}

/** Presses the button of the message that has the focus. */
function act(target: Element, name: ShortcutName): boolean {
  const button = target.matches('.row')
    ? target.querySelector<HTMLButtonElement>(`[data-shortcut="${name}"]`)
    : null
  button?.click()
  return button !== null
}
