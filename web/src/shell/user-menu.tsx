import type { JSX } from 'preact'
import { accountOpen } from '../account/open.ts'
import { helpOpen } from '../shortcuts/help-open.ts'
import { isMac } from '../shortcuts/keyboard.ts'
import { Keys } from '../shortcuts/keys.tsx'
import { shortcuts } from '../shortcuts/table.ts'
import { isModerator } from '../state/roles.ts'
import { hashOf } from '../state/route.ts'
import { me } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { Avatar } from '../ui/avatar.tsx'
import { Disclosure } from '../ui/disclosure.tsx'
import { Icon, type IconName } from '../ui/icons.tsx'
import { LanguageChoice } from './language-choice.tsx'
import { requestSignOut } from './sign-out.tsx'

/** Button with the user's name, and a menu behind it. */
export function UserMenu(): JSX.Element {
  const user = me.value
  const [key] = shortcuts.help.keys
  return (
    <Disclosure
      class="me"
      title={t.shell.yourMenu}
      button={
        <>
          {user === undefined ? <Icon name="menu" /> : <Avatar user={user} small />}
          <span class="unseen">{t.shell.menuOf} </span>
          <bdi class="me-name">{user?.name}</bdi>
        </>
      }
    >
      {(close) => (
        <>
          <p class="narrow-only">
            <bdi class="name">{user?.name}</bdi>
          </p>
          <button
            type="button"
            class="menu-item"
            aria-haspopup="dialog"
            onClick={() => {
              close()
              helpOpen.value = true
            }}
          >
            <Icon name="keyboard" size={18} />
            {t.shell.keyboardShortcuts}
            <Keys keys={key} mac={isMac} />
          </button>
          {isModerator.value && (
            <a class="menu-item" href={hashOf({ view: 'moderation', part: 'reports' })} onClick={close}>
              <Icon name="shield" size={18} />
              {t.moderation.moderation}
            </a>
          )}
          <LanguageChoice />
          <AccountItem icon="eye" label={t.account.privacy} dialog="privacy" close={close} />
          <AccountItem icon="save" label={t.account.download} dialog="export" close={close} />
          <AccountItem icon="trash" label={t.account.erase} dialog="erasure" close={close} />
          <button
            type="button"
            class="menu-item"
            onClick={() => {
              close()
              requestSignOut()
            }}
          >
            <Icon name="leave" size={18} />
            {t.shell.signOut}
          </button>
        </>
      )}
    </Disclosure>
  )
}

/** Item that opens a dialog about the account. */
function AccountItem(props: {
  icon: IconName
  label: string
  dialog: NonNullable<typeof accountOpen.value>
  close(): void
}): JSX.Element {
  const { icon, label, dialog, close } = props
  return (
    <button
      type="button"
      class="menu-item"
      aria-haspopup="dialog"
      onClick={() => {
        close()
        accountOpen.value = dialog
      }}
    >
      <Icon name={icon} size={18} />
      {label}
    </button>
  )
}
