import { useSignal, useSignalEffect } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { SwitchGateway } from '../shell/gateway.tsx'
import { PageHead } from '../shell/page-head.tsx'
import { connection } from '../state/session.ts'
import { inLocale } from '../texts/locale.ts'
import { t } from '../texts/texts.ts'
import { medium, narrow } from '../ui/media.ts'
import { Course } from './course.tsx'
import { courses, type Gateway, gatewayList, isThere, stale, watchGateways } from './gateway-list.ts'
import { Picture } from './picture.tsx'

const rate = inLocale((locale) => new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }))

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
      <PageHead title={t.live.gateways} note={answer && t.live.sessionsOn(sessions, there.length)} />
      <div class="page-body live">
        <p class="quiet">{t.live.hint}</p>
        <div class="live-yours">
          <p>{connection.value.status === 'open' ? t.live.sessionAt(here) : t.live.notConnected}</p>
          <SwitchGateway />
        </div>
        {stale.value && (
          <p class="notice" role="status">
            {t.live.noAnswer}
          </p>
        )}
        {answer === undefined ? (
          <p role="status">{t.live.asking}</p>
        ) : (
          <>
            <Picture gateways={gateways} here={here} columns={narrow.value ? 2 : medium.value ? 3 : 5} />
            <table class="figures">
              <caption class="unseen">{t.live.table}</caption>
              <thead>
                <tr>
                  <th scope="col">{t.live.gateway}</th>
                  <th scope="col">{t.live.state}</th>
                  <th scope="col" class="number">
                    {t.live.sessions}
                  </th>
                  <th scope="col" class="number">
                    {t.live.written}
                  </th>
                  <th scope="col" class="number">
                    {t.live.delivered}
                  </th>
                  <th scope="col" class="number">
                    {t.live.lag}
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
  const figure = (value: number, unit = '') => (there ? `${rate().format(value)}${unit}` : '–')
  return (
    <tr class={`${here ? 'here' : ''} ${there ? '' : 'gone'}`}>
      <th scope="row">
        {gateway.gateway}
        {here && <span class="tag">{t.live.yours}</span>}
      </th>
      <td>{t.live.states[gateway.state]}</td>
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
        news.push(t.live.gatewayIs(gateway, t.live.states[was === undefined ? 'there' : state]))
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
