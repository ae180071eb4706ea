import { useSignal } from '@preact/signals'
import { type AuditEntry, type AuditOptions, listAudit } from '@rabble/client/moderation'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { momentOf } from '../conversation/dates.ts'
import { useAttempt } from '../state/attempt.ts'
import { nameOf } from '../state/names.ts'
import { t } from '../texts/texts.ts'

const filters = ['actor', 'user', 'room', 'action'] as const
type Filters = Pick<AuditOptions, (typeof filters)[number]>

/** The recorded actions, newest first. */
export function Audit(): JSX.Element {
  const { busy, problem, run } = useAttempt()
  const page = useSignal<{ entries: AuditEntry[]; hasMore: boolean } | undefined>(undefined)
  const wanted = useSignal<Filters>({})
  const load = (entries: readonly AuditEntry[] = []) =>
    run(async (chat) => {
      const before = entries.at(-1)?.id
      const next = await listAudit(chat, {
        ...wanted.peek(),
        limit: 50,
        ...(before !== undefined && { before }),
      })
      page.value = { ...next, entries: [...entries, ...next.entries] }
    })
  useEffect(() => void load(), [])
  const submit = (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    const given = filters.map((name) => [name, String(data.get(name)).trim()] as const)
    wanted.value = Object.fromEntries(given.filter(([, value]) => value !== ''))
    void load()
  }
  const entries = page.value?.entries
  return (
    <>
      <form class="tools" autocomplete="off" onSubmit={submit}>
        {filters.map((name) => (
          <label key={name} class="choice">
            {t.moderation.filters[name]}
            <input name={name} type="text" spellcheck={false} autocapitalize="none" maxLength={140} />
          </label>
        ))}
        <button type="submit" disabled={busy.value}>
          {t.moderation.show}
        </button>
      </form>
      <p class="problem" role="alert">
        {problem.value}
      </p>
      <p class="quiet" role="status">
        {entries === undefined ? t.common.loading : entries.length === 0 ? t.moderation.noEntries : ''}
      </p>
      <ul class="entries" aria-label={t.moderation.audit}>
        {entries?.map(({ id, at, actor, action, user, room, detail }) => (
          <li key={id} class="entry">
            <p>
              <code>{action}</code> <bdi class="name">{actor?.name}</bdi>{' '}
              <time class="quiet small" dateTime={at}>
                {momentOf(at)}
              </time>
            </p>
            <p class="small">
              {user !== undefined && <bdi>{nameOf(user)}</bdi>}{' '}
              {room !== undefined && t.search.inRoom(<bdi>{room}</bdi>)}
            </p>
            {detail !== undefined && (
              <p class="quiet small" dir="auto">
                {Object.entries(detail)
                  .map(([name, value]) => `${name}: ${String(value)}`)
                  .join(', ')}
              </p>
            )}
          </li>
        ))}
      </ul>
      {page.value?.hasMore === true && (
        <button type="button" disabled={busy.value} onClick={() => void load(entries)}>
          {t.rooms.showMore}
        </button>
      )}
    </>
  )
}
