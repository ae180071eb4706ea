import { signal } from '@preact/signals'
import type { ChatState } from '@rabble/client'
import type { ComponentChildren, JSX } from 'preact'
import { setShowsGateways, showsGateways } from '../conversation/shown-gateways.ts'
import { hashOf } from '../state/route.ts'
import { chat, connection } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { Disclosure } from '../ui/disclosure.tsx'
import { Icon } from '../ui/icons.tsx'
import { switchGateway } from './switch-gateway.ts'

const switching = signal(false)
const outcome = signal('')

/** Dot for the state of the connection. Behind it are the gateway of this session and what can be done with it. */
export function Connection(): JSX.Element {
  const state = connection.value
  const open = state.status === 'open'
  return (
    <Disclosure
      class="connection"
      title={open ? t.shell.connectedTo(state.gateway) : undefined}
      button={
        <>
          <span
            class={`dot ${open ? 'good' : state.status === 'closed' ? 'bad' : 'waiting'}`}
            aria-hidden="true"
          />
          <span class={open ? 'unseen' : 'quiet'}>{open ? t.shell.connected : t.shell.notConnected}</span>
        </>
      }
      below={
        <span class={`toast ${outcome.value === '' ? 'gone' : ''}`} role="status">
          {outcome.value}
        </span>
      }
    >
      {(close) => (
        <>
          <p>{open ? connectionOf(state) : t.shell.noGateway}</p>
          <SwitchGateway />
          <label class="choice">
            <input
              type="checkbox"
              checked={showsGateways.value}
              onChange={({ currentTarget }) => setShowsGateways(currentTarget.checked)}
            />
            {t.shell.showGateways}
          </label>
          <a class="with-icon" href={hashOf({ view: 'live' })} onClick={close}>
            <Icon name="pulse" size={18} />
            {t.shell.allGateways}
          </a>
        </>
      )}
    </Disclosure>
  )
}

function connectionOf({ gateway, transport }: Extract<ChatState, { status: 'open' }>): ComponentChildren {
  const name = <b>{gateway}</b>
  return transport === 'direct' ? t.shell.connectedDirectly(name) : t.shell.connectedOver(name, transport)
}

export function SwitchGateway(): JSX.Element {
  const open = connection.value.status === 'open'
  return (
    <button type="button" class="with-icon" disabled={!open || switching.value} onClick={() => void go()}>
      <Icon name="route" size={18} />
      {t.shell.switchGateway}
    </button>
  )
}

async function go(): Promise<void> {
  const own = chat.value
  if (own === undefined || switching.value) return
  switching.value = true
  outcome.value = t.shell.switching
  outcome.value = await switchGateway(own)
  switching.value = false
  const said = outcome.value
  setTimeout(() => {
    if (outcome.value === said) outcome.value = ''
  }, 6_000)
}
