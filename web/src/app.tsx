import type { JSX } from 'preact'
import { Shell } from './shell/shell.tsx'
import { SignIn } from './sign-in/sign-in.tsx'
import { inside } from './state/session.ts'

export function App(): JSX.Element {
  return inside.value ? <Shell /> : <SignIn />
}
