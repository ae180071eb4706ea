import type { JSX } from 'preact'
import { onDemand } from '../ui/on-demand.tsx'
import { moderating, reporting } from './open.ts'

const Report = onDemand<object>(() => import('./report.tsx').then(({ Report }) => Report))
const Moderate = onDemand<object>(() => import('./moderate.tsx').then(({ Moderate }) => Moderate))

/** Dialogs to report a message, and to do something about a user, while they are wanted. */
export function ModerationDialogs(): JSX.Element {
  return (
    <>
      {reporting.value !== undefined && <Report />}
      {moderating.value !== undefined && <Moderate />}
    </>
  )
}
