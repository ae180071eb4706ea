import type { JSX } from 'preact'
import { toast } from '../conversation/toast.tsx'
import { hashOf } from '../state/route.ts'
import { t } from '../texts/texts.ts'
import { IconButton } from '../ui/button.tsx'
import { copyText } from '../ui/copy.ts'
import { Icon } from '../ui/icons.tsx'

/** Button with an icon that copies the address of a room. */
export function CopyLinkIcon({ room }: { room: string }): JSX.Element {
  return (
    <IconButton
      icon="link"
      label={t.rooms.copyLink}
      onClick={({ currentTarget }) => void copyLink(room, currentTarget)}
    />
  )
}

/** Button in a dialog that copies the address of a room, and closes the dialog. */
export function CopyLink({ room, onClose }: { room: string; onClose(): void }): JSX.Element {
  const copy = async (button: HTMLElement) => {
    await copyLink(room, button)
    onClose()
  }
  return (
    <button type="button" class="with-icon" onClick={({ currentTarget }) => void copy(currentTarget)}>
      <Icon name="link" size={18} />
      {t.rooms.copyLink}
    </button>
  )
}

async function copyLink(room: string, button: HTMLElement): Promise<void> {
  const { href } = new URL(hashOf({ view: 'room', room }), location.href)
  toast((await copyText(href, button)) ? t.rooms.linkCopied : t.rooms.linkNotCopied(href))
}
