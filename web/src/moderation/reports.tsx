import { useSignal } from '@preact/signals'
import { closeReport, listReports, type Report, type ReportOutcome } from '@rabble/client/moderation'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { momentOf } from '../conversation/dates.ts'
import { jumpTo } from '../conversation/jump.ts'
import { shown } from '../conversation/shown.ts'
import { useAttempt } from '../state/attempt.ts'
import { t } from '../texts/texts.ts'
import { moderating } from './open.ts'

type State = 'open' | 'closed'

/** The reports of users, the oldest first, to be worked off. */
export function Reports(): JSX.Element {
  const { busy, problem, run } = useAttempt()
  const state = useSignal<State>('open')
  const page = useSignal<{ reports: Report[]; hasMore: boolean } | undefined>(undefined)
  const load = (wanted: State, before: readonly Report[] = []) =>
    run(async (chat) => {
      const after = before.at(-1)?.id
      const next = await listReports(chat, { state: wanted, ...(after !== undefined && { after }) })
      page.value = { ...next, reports: [...before, ...next.reports] }
    })
  useEffect(() => void load('open'), [])
  const choose = (wanted: State) => {
    state.value = wanted
    page.value = undefined
    void load(wanted)
  }
  const close = (report: Report, outcome: ReportOutcome) =>
    run(async (chat) => {
      await closeReport(chat, report.id, outcome)
      const { value } = page
      const isOther = ({ message }: Report) => message.id !== report.message.id
      // All reports about the message are closed.
      if (value !== undefined) page.value = { ...value, reports: value.reports.filter(isOther) }
    })
  const { reports } = page.value ?? {}
  return (
    <>
      <div class="tools">
        <label class="choice">
          {t.moderation.show}
          <select
            value={state.value}
            disabled={busy.value}
            onChange={(event) => choose(event.currentTarget.value === 'closed' ? 'closed' : 'open')}
          >
            <option value="open">{t.moderation.openReports}</option>
            <option value="closed">{t.moderation.closedReports}</option>
          </select>
        </label>
        <button type="button" disabled={busy.value} onClick={() => void load(state.peek())}>
          {t.moderation.lookAgain}
        </button>
      </div>
      <p class="problem" role="alert">
        {problem.value}
      </p>
      <p class="quiet" role="status">
        {reports === undefined ? t.common.loading : reports.length === 0 ? t.moderation.noReports : ''}
      </p>
      <ul class="entries" aria-label={t.moderation.reports}>
        {reports?.map((report) => (
          <Entry
            key={report.id}
            report={report}
            busy={busy.value}
            onClose={(outcome) => void close(report, outcome)}
          />
        ))}
      </ul>
      {page.value?.hasMore === true && (
        <button type="button" disabled={busy.value} onClick={() => void load(state.peek(), reports)}>
          {t.rooms.showMore}
        </button>
      )}
    </>
  )
}

function Entry({
  report,
  busy,
  onClose,
}: {
  report: Report
  busy: boolean
  onClose(outcome: ReportOutcome): void
}): JSX.Element {
  const { room, message, by, at, reason, closed } = report
  // Moderators are in no direct conversation of others: the copy in the report is all that they see.
  const isDirect = room.startsWith('dm:')
  return (
    <li class="entry">
      <p>
        <bdi class="name">{message.from.name}</bdi>{' '}
        <span class="quiet small">
          {isDirect ? t.moderation.inDirect : t.search.inRoom(<bdi>{room}</bdi>)}
          {message.at !== undefined && `, ${momentOf(message.at)}`}
        </span>
      </p>
      <blockquote class="text cut" dir="auto">
        {shown(message.text)}
      </blockquote>
      <p class="quiet small">{t.moderation.reportedBy(<bdi>{by.name}</bdi>, momentOf(at))}</p>
      {reason !== '' && <p dir="auto">{reason}</p>}
      {closed !== undefined ? (
        <p class="quiet small">
          {t.moderation.outcomes[closed.outcome](<bdi>{closed.by.name}</bdi>, momentOf(closed.at))}
        </p>
      ) : (
        <div class="buttons">
          {!isDirect && (
            <button type="button" onClick={() => jumpTo(room, message.id)}>
              {t.moderation.goToMessage}
            </button>
          )}
          <button
            type="button"
            aria-haspopup="dialog"
            onClick={() => {
              moderating.value = { user: message.from, ...(!isDirect && { room }) }
            }}
          >
            {t.moderation.moderateAuthor}
          </button>
          <button type="button" disabled={busy} onClick={() => onClose('dismissed')}>
            {t.moderation.dismiss}
          </button>
          <button type="button" class="primary" disabled={busy} onClick={() => onClose('acted')}>
            {t.moderation.closeActed}
          </button>
        </div>
      )}
    </li>
  )
}
