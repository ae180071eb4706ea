import type { JSX } from 'preact'
import { t } from '../texts/texts.ts'

/** Buttons at the end of a form in a dialog: one that leaves it, and one that submits it. */
export function FormButtons(props: {
  /** Label of the button that submits. */
  label: string
  kind: 'primary' | 'danger'
  busy: boolean
  onClose(): void
  /** Label of the button that leaves. Default: "Cancel". */
  leave?: string
}): JSX.Element {
  const { label, kind, busy, onClose, leave = t.common.cancel } = props
  return (
    <div class="dialog-buttons">
      <button type="button" onClick={onClose}>
        {leave}
      </button>
      <button type="submit" class={kind} disabled={busy}>
        {label}
      </button>
    </div>
  )
}
