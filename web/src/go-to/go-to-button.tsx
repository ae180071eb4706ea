import type { JSX } from 'preact'
import { isMac } from '../shortcuts/keyboard.ts'
import { Keys } from '../shortcuts/keys.tsx'
import { shortcuts } from '../shortcuts/table.ts'
import { t } from '../texts/texts.ts'
import { IconButton } from '../ui/button.tsx'
import { Icon } from '../ui/icons.tsx'
import { openGoTo } from './box.ts'

const [keys] = shortcuts.goTo.keys
const forScreenReaders = keys.replace('Mod', isMac ? 'Meta' : 'Control')

/** Button that opens the box for going anywhere, with its shortcut. */
export function GoToButton(): JSX.Element {
  return (
    <button
      type="button"
      class="go-to-button"
      aria-haspopup="dialog"
      aria-keyshortcuts={forScreenReaders}
      onClick={openGoTo}
    >
      <Icon name="search" size={18} />
      {t.goTo.goTo}
      <span class="keys-only" aria-hidden="true">
        <Keys keys={keys} mac={isMac} />
      </span>
    </button>
  )
}

/** The same as an icon, for narrow screens. */
export function GoToIcon(): JSX.Element {
  return (
    <IconButton
      icon="search"
      label={t.goTo.goTo}
      aria-haspopup="dialog"
      aria-keyshortcuts={forScreenReaders}
      onClick={openGoTo}
    />
  )
}
