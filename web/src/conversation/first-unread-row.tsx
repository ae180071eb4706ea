import { cloneElement, type JSX } from 'preact'
import { Row } from './row.tsx'

/** The first unread message, below a line that says so. */
export class FirstUnreadRow extends Row {
  override render(props: Row['props']): JSX.Element {
    const row = super.render(props)
    return cloneElement(row, null, <NewMessages />, row.props.children)
  }
}

function NewMessages(): JSX.Element {
  return (
    <p class="separator new">
      <span>New messages</span>
    </p>
  )
}
