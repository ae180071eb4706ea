import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { enter, signIn } from '../state/session.ts'
import { Logo } from '../ui/logo.tsx'

/** Page on which guests enter their names. */
export function SignIn(): JSX.Element {
  const { name, busy, problem } = signIn.value
  const input = useRef<HTMLInputElement>(null)
  // After a refusal the name is selected, ready to be changed.
  useEffect(() => input.current?.select(), [problem])
  useEffect(() => {
    document.title = 'Rabble'
  }, [])
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const wanted = input.current?.value.trim() ?? ''
    if (wanted === '') {
      signIn.value = { name: '', problem: 'Enter your name.' }
      input.current?.focus()
    } else enter(wanted)
  }
  return (
    <main class="sign-in">
      <form class="card" autocomplete="off" noValidate onSubmit={submit}>
        <Logo size={56} />
        <h1>Rabble</h1>
        <p class="lead">Pick a name and come in.</p>
        <label for="name">Your name</label>
        <input
          id="name"
          ref={input}
          name="name"
          type="text"
          defaultValue={name}
          autocomplete="nickname"
          autocapitalize="words"
          spellcheck={false}
          enterkeyhint="go"
          aria-describedby="sign-in-problem"
          aria-invalid={problem !== undefined}
        />
        <p id="sign-in-problem" class="problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="primary" disabled={busy !== undefined}>
          Sign in
        </button>
        <p class="quiet" role="status">
          {busy}
        </p>
      </form>
    </main>
  )
}
