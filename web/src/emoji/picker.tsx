import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { t } from '../texts/texts.ts'
import { Icon } from '../ui/icons.tsx'
import { findEmoji } from './emoji.ts'

/** Distance (px) of the picker to its button and to the edges of the window. */
const gap = 8

/**
 * A small dialog with emoji, beside the button that opened it. It is open while it is rendered. The browser closes it with
 * Escape and returns the focus to the button.
 */
export function Picker({
  button,
  onPick,
  onClose,
}: {
  button: HTMLElement
  onPick(sign: string): void
  onClose(): void
}): JSX.Element {
  const letters = useSignal('')
  const active = useSignal(0)
  const dialog = useRef<HTMLDialogElement>(null)
  const grid = useRef<HTMLUListElement>(null)
  const found = findEmoji(letters.value)
  useLayoutEffect(() => {
    const { current } = dialog
    if (current === null) return
    current.showModal()
    const { top, bottom, left, right } = button.getBoundingClientRect()
    const { width, height } = current.getBoundingClientRect()
    const below = bottom + gap + height <= innerHeight
    place(current, below ? bottom + gap : top - gap - height, isRtl() ? left : right - width)
    // A click outside. Keyboard users have Escape.
    current.addEventListener('click', ({ target }) => {
      if (target === current) current.close()
    })
  }, [])

  const pick = (sign: string | undefined) => {
    if (sign === undefined) return
    // Before the message changes, so that the focus is back by then.
    dialog.current?.close()
    onPick(sign)
  }
  const buttons = () => [...(grid.current?.querySelectorAll('button') ?? [])]
  const goTo = (index: number) => {
    const all = buttons()
    active.value = Math.max(0, Math.min(index, all.length - 1))
    all[active.value]?.focus()
  }
  const move = (event: KeyboardEvent) => {
    const all = buttons()
    const columns = all.filter(({ offsetTop }) => offsetTop === all[0]?.offsetTop).length
    const here = all.indexOf(event.currentTarget as HTMLButtonElement)
    const forward = isRtl() ? -1 : 1
    const steps: Record<string, number> = {
      ArrowRight: here + forward,
      ArrowLeft: here - forward,
      ArrowDown: here + columns,
      ArrowUp: here - columns,
      Home: 0,
      End: all.length - 1,
    }
    const to = steps[event.key]
    if (to === undefined) return
    event.preventDefault()
    if (to < 0) dialog.current?.querySelector('input')?.focus()
    else goTo(to)
  }
  return (
    <dialog ref={dialog} class="dialog picker" aria-label={t.conversation.addReaction} onClose={onClose}>
      <div class="filter">
        <Icon name="search" size={18} />
        <label class="unseen" for="find-emoji">
          {t.emoji.search}
        </label>
        <input
          id="find-emoji"
          type="search"
          autocomplete="off"
          spellcheck={false}
          placeholder={t.emoji.search}
          onInput={({ currentTarget }) => {
            letters.value = currentTarget.value
            active.value = 0
          }}
          onKeyDown={(event) => {
            if (event.isComposing) return
            if (event.key === 'ArrowDown') goTo(active.peek())
            else if (event.key === 'Enter') pick(found[0]?.sign)
            else return
            event.preventDefault()
          }}
        />
      </div>
      <ul ref={grid} class="emoji-grid" aria-label={t.emoji.emoji}>
        {found.map(({ sign, name }, index) => (
          <li key={sign}>
            <button
              type="button"
              class="emoji"
              lang="en"
              aria-label={name}
              title={name}
              tabIndex={index === active.value ? 0 : -1}
              onKeyDown={move}
              onClick={() => pick(sign)}
            >
              {sign}
            </button>
          </li>
        ))}
      </ul>
      <p class={found.length === 0 ? 'quiet small' : 'unseen'} role="status">
        {found.length === 0 ? t.emoji.none : t.emoji.found(found.length)}
      </p>
    </dialog>
  )
}

function isRtl(): boolean {
  return document.documentElement.dir === 'rtl'
}

/** Places the dialog by properties, since the page's policy refuses styles in attributes. */
function place(dialog: HTMLElement, top: number, left: number): void {
  const { width, height } = dialog.getBoundingClientRect()
  dialog.style.top = `${Math.max(gap, Math.min(top, innerHeight - height - gap))}px`
  dialog.style.left = `${Math.max(gap, Math.min(left, innerWidth - width - gap))}px`
}
