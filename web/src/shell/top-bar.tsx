import type { JSX } from 'preact'
import { GoToIcon } from '../go-to/go-to-button.tsx'
import { hashOf } from '../state/route.ts'
import { connection } from '../state/session.ts'
import { isolated } from '../texts/isolated.ts'
import { t } from '../texts/texts.ts'
import { Icon } from '../ui/icons.tsx'
import { Logo } from '../ui/logo.tsx'
import { narrow } from '../ui/media.ts'
import { Connection } from './gateway.tsx'
import { UserMenu } from './user-menu.tsx'

/** Bar with the connection and the user. */
export function TopBar(): JSX.Element {
  return (
    <header class="top-bar">
      <span class="brand">
        <Logo />
        <span class="wide-only">Rabble</span>
      </span>
      <Connection />
      {narrow.value ? (
        <GoToIcon />
      ) : (
        <a
          class="icon-button"
          href={hashOf({ view: 'search', query: '' })}
          aria-label={t.common.search}
          title={t.common.search}
        >
          <Icon name="search" />
        </a>
      )}
      <UserMenu />
      <p class="unseen" role="status">
        {connection.value.status === 'open' ? t.shell.connectedAs(isolated(connection.value.user.name)) : ''}
      </p>
    </header>
  )
}
