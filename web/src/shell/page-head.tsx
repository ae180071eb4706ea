import type { ComponentChildren, JSX } from 'preact'
import { drawer } from '../state/route.ts'
import { IconButton } from '../ui/button.tsx'
import { narrow } from '../ui/media.ts'

/** Head of the main column. `children` are its buttons. */
export function PageHead(props: {
  title: ComponentChildren
  note?: ComponentChildren
  children?: ComponentChildren
}): JSX.Element {
  return (
    <header class="page-head">
      {narrow.value && (
        <IconButton
          icon="menu"
          label="Rooms"
          aria-haspopup="dialog"
          onClick={() => {
            drawer.value = 'rooms'
          }}
        />
      )}
      <div class="page-title">
        <h1>{props.title}</h1>
        {props.note !== undefined && <p class="quiet">{props.note}</p>}
      </div>
      <div class="page-actions">{props.children}</div>
    </header>
  )
}
