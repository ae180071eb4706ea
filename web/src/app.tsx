import type { JSX } from 'preact'
import { Door } from './door/door.tsx'
import { Shell } from './shell/shell.tsx'
import { inside } from './state/session.ts'

export function App(): JSX.Element {
  return inside.value ? <Shell /> : <Door />
}
