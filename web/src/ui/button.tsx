import type { JSX } from 'preact'
import { Icon, type IconName } from './icons.tsx'

type Props = Omit<JSX.IntrinsicElements['button'], 'class' | 'icon' | 'label'> & {
  icon: IconName
  label: string
  class?: string
}

/** Button with only an icon. Its label is for screen readers, and a tooltip. */
export function IconButton({ icon, label, class: more, ...rest }: Props): JSX.Element {
  return (
    <button type="button" class={`icon-button ${more ?? ''}`} aria-label={label} title={label} {...rest}>
      <Icon name={icon} />
    </button>
  )
}
