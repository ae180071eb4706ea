import type { ComponentChildren, JSX } from 'preact'

type Keys = Pick<KeyboardEvent, 'key' | 'altKey' | 'ctrlKey' | 'metaKey' | 'shiftKey'>

/** Returns the index to which a key leads in a list of `count` options, around its ends; undefined for other keys. `active`: -1 for none. */
export function moved(
  { key, altKey, ctrlKey, metaKey, shiftKey }: Keys,
  active: number,
  count: number,
): number | undefined {
  if (count === 0 || altKey || ctrlKey || metaKey || shiftKey) return undefined
  if (key === 'ArrowDown') return (active + 1) % count
  if (key === 'ArrowUp') return (active <= 0 ? count : active) - 1
  return undefined
}

/** An option of a list beside an input. The focus stays in the input, which names the active option by its id and handles the keys. */
export function Option(props: {
  id: string
  active: boolean
  onTake(): void
  children: ComponentChildren
}): JSX.Element {
  const { id, active, onTake, children } = props
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the input, which names the active option
    // biome-ignore lint/a11y/useKeyWithClickEvents: the input handles the keys
    <div
      role="option"
      class="offer"
      id={id}
      aria-selected={active}
      // The input must keep the focus.
      onPointerDown={(event) => event.preventDefault()}
      onMouseDown={(event) => event.preventDefault()}
      onClick={onTake}
    >
      {children}
    </div>
  )
}
