import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { hashOf } from '../state/route.ts'
import { chat, connection } from '../state/session.ts'
import { Icon } from '../ui/icons.tsx'
import { switchGateway } from './switch-gateway.ts'

const switching = signal(false)
const outcome = signal('')

/** Name of this session's gateway, and a button to switch to another one. */
export function GatewayChip(): JSX.Element {
  const state = connection.value
  const open = state.status === 'open'
  return (
    <div class="gateway">
      <span
        class={`dot ${open ? 'good' : state.status === 'closed' ? 'bad' : 'waiting'}`}
        aria-hidden="true"
      />
      <span class="gateway-words">
        {open ? (
          <a
            id="gateway"
            href={hashOf({ view: 'live' })}
            title={`The gateway that you are connected to, ${state.transport === 'direct' ? 'without a proxy' : `over ${state.transport}`}`}
          >
            {state.gateway}
          </a>
        ) : (
          <span class="quiet">Not connected</span>
        )}
      </span>
      <SwitchGateway />
      <span class={`toast ${outcome.value === '' ? 'gone' : ''}`} role="status">
        {outcome.value}
      </span>
    </div>
  )
}

export function SwitchGateway(): JSX.Element {
  const open = connection.value.status === 'open'
  return (
    <button type="button" class="quiet-button" disabled={!open || switching.value} onClick={() => void go()}>
      <Icon name="route" size={18} />
      <span class="wide-only">Switch gateway</span>
      <span class="unseen narrow-only">Switch gateway</span>
    </button>
  )
}

async function go(): Promise<void> {
  const own = chat.value
  if (own === undefined || switching.value) return
  switching.value = true
  outcome.value = 'Switching…'
  outcome.value = await switchGateway(own)
  switching.value = false
  const said = outcome.value
  setTimeout(() => {
    if (outcome.value === said) outcome.value = ''
  }, 6_000)
}
