import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { providerPath, type Ways } from '../state/account.ts'
import { keepPlace } from '../state/route.ts'
import { offer, signIn, signInAs } from '../state/session.ts'
import { Logo } from '../ui/logo.tsx'

/** Page on which guests enter their names, and others go to the provider of their accounts. */
export function SignIn(): JSX.Element {
  const { ways, busy, problem } = signIn.value
  useEffect(() => {
    document.title = 'Rabble'
  }, [])
  return (
    <main class="sign-in">
      <div class="card">
        <Logo size={56} />
        <h1>Rabble</h1>
        {ways !== undefined && <p class="lead">{leadOf(ways)}</p>}
        {ways?.provider !== undefined && <ProviderLink available={ways.provider.available} />}
        {ways?.guests && <GuestForm />}
        {!ways?.guests && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <p class="quiet" role="status">
          {busy}
        </p>
      </div>
    </main>
  )
}

function leadOf({ guests, provider }: Ways): string {
  if (provider !== undefined) return guests ? 'Sign in, or pick a name and come in.' : 'Sign in to come in.'
  if (guests) return 'Pick a name and come in.'
  return 'You come in through the application that this chat belongs to. Sign in there, and open the chat from there.'
}

function ProviderLink({ available }: { available: boolean }): JSX.Element {
  if (available) {
    return (
      <a class="primary" href={providerPath} onClick={keepPlace}>
        Sign in with your account
      </a>
    )
  }
  return (
    <>
      <p class="quiet">Signing in with an account is unavailable right now.</p>
      <button type="button" onClick={() => void offer()}>
        Try again
      </button>
    </>
  )
}

function GuestForm(): JSX.Element {
  const { name, busy, problem } = signIn.value
  const input = useRef<HTMLInputElement>(null)
  // After a refusal the name is selected, ready to be changed.
  useEffect(() => input.current?.select(), [problem])
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const wanted = input.current?.value.trim() ?? ''
    if (wanted === '') {
      signIn.value = { ...signIn.value, name: '', problem: 'Enter your name.' }
      input.current?.focus()
    } else void signInAs(wanted)
  }
  return (
    <form autocomplete="off" noValidate onSubmit={submit}>
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
    </form>
  )
}
