import type { JSX } from 'preact'
import { t } from '../texts/texts.ts'
import { Dialog } from '../ui/dialog.tsx'
import { onDemand } from '../ui/on-demand.tsx'
import { helpOpen } from './help-open.ts'

const ShortcutList = onDemand<object>(() =>
  import('./shortcut-list.tsx').then(({ ShortcutList }) => ShortcutList),
)

/** Dialog with all shortcuts, while it is open. */
export function ShortcutHelp(): JSX.Element | null {
  if (!helpOpen.value) return null
  return (
    <Dialog
      title={t.shell.keyboardShortcuts}
      onClose={() => {
        helpOpen.value = false
      }}
    >
      <ShortcutList />
    </Dialog>
  )
}
