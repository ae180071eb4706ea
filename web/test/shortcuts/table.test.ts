import t from 'tap'
import { isCharacter, isPressed, namesOf, type ShortcutName, shortcuts } from '../../src/shortcuts/table.ts'

/** Returns the event of a key, such as `ctrl alt k`. */
function event(keys: string, code = '') {
  const parts = keys.split(' ')
  const has = (name: string) => parts.slice(0, -1).includes(name)
  return {
    key: parts.at(-1) ?? '',
    code,
    altKey: has('alt'),
    ctrlKey: has('ctrl'),
    metaKey: has('meta'),
    shiftKey: has('shift'),
  }
}

/** Returns the names of the shortcuts of a key. */
function namesFor(keys: string, mac = false, code = ''): string[] {
  return (Object.keys(shortcuts) as ShortcutName[]).filter((name) => isPressed(name, event(keys, code), mac))
}

t.test('a key is a shortcut only with exactly its modifiers', async (t) => {
  t.same(namesFor('ctrl k'), ['goTo'])
  t.same(namesFor('ctrl K'), ['goTo'], 'also with Caps Lock')
  for (const keys of ['k', 'ctrl shift K', 'ctrl alt k', 'ctrl meta k', 'meta k', 'ctrl ArrowUp', 'shift R'])
    t.same(namesFor(keys), [], keys)
  t.same(namesFor('alt ArrowUp'), ['previous'])
  t.same(namesFor('alt shift ArrowUp'), ['previousUnread'])
  t.same(namesFor('ArrowUp'), ['editLast', 'older'])
})

t.test('on a Mac Cmd takes the place of Ctrl, which moves the caret there', async (t) => {
  t.same(namesFor('meta k', true), ['goTo'])
  t.same(namesFor('ctrl k', true), [])
  t.same(namesOf('Mod+K', true), ['⌘', 'K'])
  t.same(namesOf('Mod+K', false), ['Ctrl', 'K'])
  t.same(namesOf('Alt+Shift+ArrowUp', false), ['Alt', 'Shift', '↑'])
})

t.test('signs are where a keyboard has them, and letters where a Latin keyboard has them', async (t) => {
  for (const keys of ['?', 'shift ?']) t.same(namesFor(keys), ['help'], keys)
  for (const keys of ['ctrl /', 'ctrl shift /']) t.same(namesFor(keys), ['help'], keys)
  for (const keys of ['+', 'shift +']) t.same(namesFor(keys), ['react'], keys)
  t.same(namesFor('ctrl л', false, 'KeyK'), ['goTo'])
  t.same(namesFor('ctrl t', false, 'KeyK'), [], 'a Latin keyboard with another order')
})

t.test('a key that would write a character is told from others', async (t) => {
  for (const keys of ['?', 'shift R', 'é', '😀']) t.ok(isCharacter(event(keys)), keys)
  for (const keys of ['ctrl k', 'alt e', 'meta k', 'ArrowUp', 'Escape', 'Dead'])
    t.notOk(isCharacter(event(keys)), keys)
})
