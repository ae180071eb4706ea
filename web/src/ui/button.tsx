import type { JSX } from 'preact'
import { Icon, type IconName } from './icons.tsx'

type Props = Omit<JSX.IntrinsicElements['button'], 'class' | 'icon' | 'label'> & {
  icon: IconName
  label: string
  class?: string
}

/** A button that shows an icon only: its label is for screen readers, and for who points at it. */
export function IconButton({ icon, label, class: more, ...rest }: Props): JSX.Element {
  return (
    <button type="button" class={`icon-button ${more ?? ''}`} aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  )
}
