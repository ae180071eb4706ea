import { useSignal, useSignalEffect } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { SwitchGateway } from '../shell/gateway.tsx'
import { PageHead } from '../shell/page-head.tsx'
import { connection } from '../state/session.ts'
import { formatNumber } from '../ui/intl.ts'
import { medium, narrow } from '../ui/media.ts'
import { Course } from './course.tsx'
import { courses, type Gateway, gatewayList, isThere, stale, watchGateways } from './gateway-list.ts'
import { Picture } from './picture.tsx'

const rate = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 })

/** Page with all gateways: their sessions, their load, and the one of this session. */
export function Gateways(): JSX.Element {
  useEffect(watchGateways, [])
  const answer = gatewayList.value
  // After a lost connection the response is still that of the gateway before.
  const here = connection.value.status === 'open' ? connection.value.gateway : (answer?.here ?? '')
  const gateways = answer?.gateways ?? []
  const there = gateways.filter(({ state }) => isThere(state))
  const sessions = there.reduce((sum, { sessions }) => sum + sessions, 0)
  const highest = Math.max(1, ...[...courses.value.values()].flat())
  return (
    <section class="page">
      <PageHead
        title="Gateways"
        note={
          answer === undefined
            ? undefined
            : `${counted(sessions, 'session')} on ${counted(there.length, 'gateway')}`
        }
      />
      <div class="page-body live">
        <p class="quiet">
          Each gateway holds some of the sessions; all read the same log, so it doesn’t matter which one holds
          yours. If one ends, its sessions go on at the others.
        </p>
        <div class="live-yours">
          <p>
            {connection.value.status === 'open'
              ? `Your session is at ${here}.`
              : 'You are not connected right now.'}
          </p>
          <SwitchGateway />
        </div>
        {stale.value && (
          <p class="notice" role="status">
            No gateway answers right now. These are the last known numbers.
          </p>
        )}
        {answer === undefined ? (
          <p role="status">Asking…</p>
        ) : (
          <>
            <Picture gateways={gateways} here={here} columns={narrow.value ? 2 : medium.value ? 3 : 5} />
            <table class="figures">
              <caption class="unseen">The gateways</caption>
              <thead>
                <tr>
                  <th scope="col">Gateway</th>
                  <th scope="col">State</th>
                  <th scope="col" class="number">
                    Sessions
                  </th>
                  <th scope="col" class="number">
                    Written per second
                  </th>
                  <th scope="col" class="number">
                    Delivered per second
                  </th>
                  <th scope="col" class="number">
                    Lag
                  </th>
                  <td class="course-cell" />
                </tr>
              </thead>
              <tbody>
                {gateways.map((gateway) => (
                  <Figures
                    key={gateway.gateway}
                    gateway={gateway}
                    here={gateway.gateway === here}
                    highest={highest}
                  />
                ))}
              </tbody>
            </table>
          </>
        )}
        <News />
      </div>
    </section>
  )
}

function Figures({
  gateway,
  here,
  highest,
}: {
  gateway: Gateway
  here: boolean
  highest: number
}): JSX.Element {
  const there = isThere(gateway.state)
  const figure = (value: number, unit = '') => (there ? `${rate.format(value)}${unit}` : '–')
  return (
    <tr class={`${here ? 'here' : ''} ${there ? '' : 'gone'}`}>
      <th scope="row">
        {gateway.gateway}
        {here && <span class="tag">yours</span>}
      </th>
      <td>{gateway.state}</td>
      <td class="number">{figure(gateway.sessions)}</td>
      <td class="number">{figure(gateway.messagesPerSecond)}</td>
      <td class="number">{figure(gateway.deliveriesPerSecond)}</td>
      <td class="number">{figure(gateway.lag, ' ms')}</td>
      <td class="course-cell">
        <Course values={courses.value.get(gateway.gateway) ?? []} highest={highest} />
      </td>
    </tr>
  )
}

/** Announces to screen readers that a gateway came or went. */
function News(): JSX.Element {
  const words = useSignal('')
  const before = useRef(new Map<string, Gateway['state']>())
  useSignalEffect(() => {
    const now = new Map(gatewayList.value?.gateways.map(({ gateway, state }) => [gateway, state]))
    const news: string[] = []
    for (const [gateway, state] of now) {
      const was = before.current.get(gateway)
      if (before.current.size > 0 && was !== state)
        news.push(`${gateway} is ${was === undefined ? 'there' : state}.`)
    }
    before.current = now
    if (news.length > 0) words.value = news.join(' ')
  })
  return (
    <p class="unseen" role="status">
      {words.value}
    </p>
  )
}

function counted(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`
}
