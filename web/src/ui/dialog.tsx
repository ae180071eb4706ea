import type { ComponentChildren, JSX } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { t } from '../texts/texts.ts'
import { IconButton } from './button.tsx'

interface Props {
  title: string
  onClose(): void
  children: ComponentChildren
  /** Additional classes: `drawer start`, `drawer end`, `wide`, `go-to`. */
  class?: string
}

/** Fields in which one types. A field for a date would open a calendar on a phone. */
const fields = 'input:not([type="checkbox"], [type="radio"], [type="date"]), textarea, select'

/**
 * A modal dialog, which is open while it is rendered. The browser's element keeps the focus inside, closes with Escape and
 * returns the focus. The first field has the focus at first, but not in a drawer, since it would open the keyboard of a phone.
 */
export function Dialog({ title, onClose, children, class: more = '' }: Props): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null)
  const close = useRef(onClose)
  const heading = useId()
  close.current = onClose
  // Before the next key is pressed: what is typed after the key that opens a dialog belongs to the dialog.
  useLayoutEffect(() => {
    const dialog = ref.current
    const before = document.activeElement
    if (dialog !== null && !dialog.open) dialog.showModal()
    if (!more.includes('drawer')) dialog?.querySelector<HTMLElement>(fields)?.focus()
    // A click outside closes it. Keyboard users have Escape.
    const click = (event: MouseEvent) => {
      if (event.target === dialog) close.current()
    }
    dialog?.addEventListener('click', click)
    return () => {
      dialog?.removeEventListener('click', click)
      dialog?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={ref}
      class={`dialog ${more}`}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={heading} dir="auto">
            {title}
          </h2>
          <IconButton icon="close" label={t.common.close} onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  )
}
