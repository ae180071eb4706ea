import { useSignalEffect } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { AccountDialogs } from '../account/dialogs.tsx'
import { Conversation } from '../conversation/conversation.tsx'
import { GoTo } from '../go-to/go-to.tsx'
import { LivePage } from '../live/live-page.tsx'
import { ModerationDialogs } from '../moderation/dialogs.tsx'
import { People } from '../people/people.tsx'
import { AllRooms } from '../rooms/all-rooms.tsx'
import { NewRoomDialog } from '../rooms/create-room.tsx'
import { Sidebar } from '../rooms/sidebar.tsx'
import { SearchPage } from '../search/search-page.tsx'
import { startShortcuts } from '../shortcuts/handle.ts'
import { ShortcutHelp } from '../shortcuts/shortcut-help.tsx'
import { drawer, route } from '../state/route.ts'
import { t } from '../texts/texts.ts'
import { Dialog } from '../ui/dialog.tsx'
import { medium, narrow } from '../ui/media.ts'
import { onDemand } from '../ui/on-demand.tsx'
import { Announcer } from './announcer.tsx'
import { Banner } from './banner.tsx'
import { SignOutDialog } from './sign-out.tsx'
import { showTitle } from './title.ts'
import { TopBar } from './top-bar.tsx'

const ModerationPage = onDemand(() =>
  import('../moderation/moderation-page.tsx').then(({ ModerationPage }) => ModerationPage),
)

/** Layout of the page after login: a bar and up to three columns, which are drawers on narrow screens. */
export function Shell(): JSX.Element {
  useSignalEffect(showTitle)
  useEffect(startShortcuts, [])
  const { view } = route.value
  const isRoom = view === 'room' || view === 'direct'
  const close = () => {
    drawer.value = undefined
  }
  return (
    <div class={`shell ${isRoom ? 'with-people' : ''}`}>
      <TopBar />
      <Banner />
      {!narrow.value && (
        <nav class="sidebar" aria-label={t.common.rooms}>
          <Sidebar />
        </nav>
      )}
      <main class="main">{main()}</main>
      {isRoom && !medium.value && (
        <aside class="people-column" aria-label={t.common.people}>
          <People />
        </aside>
      )}
      {narrow.value && drawer.value === 'rooms' && (
        <Dialog title={t.common.rooms} class="drawer start" onClose={close}>
          <Sidebar />
        </Dialog>
      )}
      {medium.value && drawer.value === 'people' && (
        <Dialog title={t.common.people} class="drawer end" onClose={close}>
          <People />
        </Dialog>
      )}
      <GoTo />
      <NewRoomDialog />
      <ModerationDialogs />
      <AccountDialogs />
      <ShortcutHelp />
      <SignOutDialog />
      <Announcer />
    </div>
  )
}

function main(): JSX.Element {
  const { value } = route
  switch (value.view) {
    case 'room':
    case 'direct':
      return <Conversation />
    case 'rooms':
      return <AllRooms />
    case 'live':
      return <LivePage />
    case 'moderation':
      return <ModerationPage part={value.part} />
    case 'search':
      return <SearchPage query={value.query} room={value.room} />
    default:
      return value satisfies never
  }
}
