import type { JSX } from 'preact'
import { onDemand } from '../ui/on-demand.tsx'
import { accountOpen } from './open.ts'

const Privacy = onDemand<object>(() => import('./privacy.tsx').then(({ Privacy }) => Privacy))
const Export = onDemand<object>(() => import('./export.tsx').then(({ Export }) => Export))
const Erasure = onDemand<object>(() => import('./erasure.tsx').then(({ Erasure }) => Erasure))

/** Dialogs about what others see of the user, and what the server keeps, while they are wanted. */
export function AccountDialogs(): JSX.Element {
  const { value } = accountOpen
  return (
    <>
      {value === 'privacy' && <Privacy />}
      {value === 'export' && <Export />}
      {value === 'erasure' && <Erasure />}
    </>
  )
}
