import type { JSX } from 'preact'
import { hashOf } from '../state/route.ts'
import { connection, me } from '../state/session.ts'
import { Avatar } from '../ui/avatar.tsx'
import { IconButton } from '../ui/button.tsx'
import { Icon } from '../ui/icons.tsx'
import { Logo } from '../ui/logo.tsx'
import { GatewayChip } from './gateway.tsx'
import { requestSignOut } from './sign-out.tsx'

/** Bar with the user, the connection and its gateway. */
export function TopBar(): JSX.Element {
  const user = me.value
  return (
    <header class="top-bar">
      <span class="brand">
        <Logo />
        <span class="wide-only">Rabble</span>
      </span>
      <GatewayChip />
      <nav class="top-actions" aria-label="Pages">
        <a
          class="icon-button"
          href={hashOf({ view: 'search', query: '' })}
          aria-label="Search"
          title="Search"
        >
          <Icon name="search" />
        </a>
        <a class="icon-button" href={hashOf({ view: 'live' })} aria-label="Gateways" title="Gateways">
          <Icon name="pulse" />
        </a>
      </nav>
      {user !== undefined && (
        <span class="me">
          <Avatar user={user} small />
          <span class="wide-only">
            <bdi>{user.name}</bdi>
          </span>
        </span>
      )}
      <IconButton icon="leave" label="Sign out" onClick={requestSignOut} />
      <p class="unseen" role="status">
        {connection.value.status === 'open' ? `Connected as \u2068${connection.value.user.name}\u2069` : ''}
      </p>
    </header>
  )
}
