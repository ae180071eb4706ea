import { useSignal, useSignalEffect } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import { useId, useRef } from 'preact/hooks'

interface Props {
  /** Class of the whole, for its place. */
  class: string
  /** Content of the button. */
  button: ComponentChildren
  title?: string | undefined
  /** Content that always stands below the button and the panel, such as what came of an action. */
  below?: ComponentChildren
  /** Content of the panel. `close` closes it and returns the focus to the button. */
  children(close: () => void): ComponentChildren
}

/** A button that shows and hides a panel below it. Escape, a click elsewhere and a focus elsewhere hide the panel. */
export function Disclosure({ class: more, button, title, below, children }: Props): JSX.Element {
  const open = useSignal(false)
  const whole = useRef<HTMLDivElement>(null)
  const toggle = useRef<HTMLButtonElement>(null)
  const panel = useId()
  const close = () => {
    open.value = false
    toggle.current?.focus()
  }
  useSignalEffect(() => {
    const { current } = whole
    if (!open.value || current === null) return undefined
    const leave = ({ target }: Event) => {
      if (target instanceof Node && !current.contains(target)) open.value = false
    }
    const press = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      event.preventDefault()
      close()
    }
    document.addEventListener('click', leave)
    document.addEventListener('focusin', leave)
    current.addEventListener('keydown', press)
    return () => {
      document.removeEventListener('click', leave)
      document.removeEventListener('focusin', leave)
      current.removeEventListener('keydown', press)
    }
  })
  return (
    <div ref={whole} class={`disclosure ${more}`}>
      <button
        ref={toggle}
        type="button"
        class="disclosure-button"
        title={title}
        aria-expanded={open.value}
        aria-controls={open.value ? panel : undefined}
        onClick={() => {
          open.value = !open.peek()
        }}
      >
        {button}
      </button>
      <div class="below">
        {open.value && (
          <div id={panel} class="panel">
            {children(close)}
          </div>
        )}
        {below}
      </div>
    </div>
  )
}
