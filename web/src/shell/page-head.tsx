import type { ComponentChildren, JSX } from 'preact'
import { badge } from '../conversation/unread.ts'
import { allUnread } from '../state/reading.ts'
import { drawer } from '../state/route.ts'
import { t } from '../texts/texts.ts'
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
      {narrow.value && <RoomsButton />}
      <div class="page-title">
        <h1>{props.title}</h1>
        {props.note !== undefined && <p class="quiet">{props.note}</p>}
      </div>
      <div class="page-actions">{props.children}</div>
    </header>
  )
}

/** Button that opens the drawer of rooms, with the number of unread messages. */
function RoomsButton(): JSX.Element {
  const unread = allUnread.value
  return (
    <span class="rooms-button">
      <IconButton
        icon="menu"
        label={unread === 0 ? t.common.rooms : t.shell.roomsUnread(badge(unread))}
        aria-haspopup="dialog"
        onClick={() => {
          drawer.value = 'rooms'
        }}
      />
      {unread > 0 && (
        <span class="badge" aria-hidden="true">
          {badge(unread)}
        </span>
      )}
    </span>
  )
}
