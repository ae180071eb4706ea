import type { ComponentChildren, JSX } from 'preact'
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
          <DialogItem icon="keyboard" open={() => (helpOpen.value = true)} close={close}>
            {t.shell.keyboardShortcuts}
            <Keys keys={key} mac={isMac} />
          </DialogItem>
          {isModerator.value && (
            <a class="menu-item" href={hashOf({ view: 'moderation', part: 'reports' })} onClick={close}>
              <Icon name="shield" size={18} />
              {t.moderation.moderation}
            </a>
          )}
          <LanguageChoice />
          <DialogItem icon="eye" open={() => (accountOpen.value = 'privacy')} close={close}>
            {t.account.privacy}
          </DialogItem>
          <DialogItem icon="save" open={() => (accountOpen.value = 'export')} close={close}>
            {t.account.download}
          </DialogItem>
          <DialogItem icon="trash" open={() => (accountOpen.value = 'erasure')} close={close}>
            {t.account.erase}
          </DialogItem>
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

/** Item that opens a dialog. The menu is closed before, so that the focus comes back to its button. */
function DialogItem(props: {
  icon: IconName
  open(): void
  close(): void
  children: ComponentChildren
}): JSX.Element {
  const { icon, open, close, children } = props
  return (
    <button
      type="button"
      class="menu-item"
      aria-haspopup="dialog"
      onClick={() => {
        close()
        open()
      }}
    >
      <Icon name={icon} size={18} />
      {children}
    </button>
  )
}
