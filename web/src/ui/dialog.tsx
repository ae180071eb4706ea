import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { IconButton } from './button.tsx'

interface Props {
  title: string
  onClose(): void
  children: ComponentChildren
  /** Additional classes: `drawer left`, `drawer right`, `wide`. */
  class?: string
}

/**
 * A modal dialog, which is open while it is rendered. The browser's element keeps the focus inside, closes with Escape and
 * returns the focus.
 */
export function Dialog({ title, onClose, children, class: more = '' }: Props): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null)
  const close = useRef(onClose)
  const heading = useId()
  close.current = onClose
  useEffect(() => {
    const dialog = ref.current
    const before = document.activeElement
    if (dialog !== null && !dialog.open) dialog.showModal()
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
          <h2 id={heading}>{title}</h2>
          <IconButton icon="close" label="Close" onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  )
}
