import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { dateAndTimeOf } from '../conversation/dates.ts'
import { providerPath, type Ways } from '../state/account.ts'
import { keepPlace } from '../state/route.ts'
import { offer, signIn, signInAs } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { Logo } from '../ui/logo.tsx'

/** Page on which guests enter their names, and others go to the provider of their accounts. */
export function SignIn(): JSX.Element {
  const { ways, busy, problem, erasedUntil } = signIn.value
  useEffect(() => {
    document.title = 'Rabble'
  }, [])
  return (
    <main class="sign-in">
      <div class="card">
        <Logo size={56} />
        <h1>Rabble</h1>
        {erasedUntil !== undefined && (
          <p class="notice" role="status">
            {t.signIn.erased(dateAndTimeOf(erasedUntil))}
          </p>
        )}
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
  if (provider !== undefined) return guests ? t.signIn.leadBoth : t.signIn.leadAccount
  if (guests) return t.signIn.leadGuest
  return t.signIn.leadApplication
}

function ProviderLink({ available }: { available: boolean }): JSX.Element {
  if (available) {
    return (
      <a class="primary" href={providerPath} onClick={keepPlace}>
        {t.signIn.account}
      </a>
    )
  }
  return (
    <>
      <p class="quiet">{t.signIn.accountUnavailable}</p>
      <button type="button" onClick={() => void offer()}>
        {t.common.tryAgain}
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
      signIn.value = { ...signIn.value, name: '', problem: t.signIn.nameMissing }
      input.current?.focus()
    } else void signInAs(wanted)
  }
  return (
    <form autocomplete="off" noValidate onSubmit={submit}>
      <label for="name">{t.signIn.name}</label>
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
        {t.common.signIn}
      </button>
    </form>
  )
}
