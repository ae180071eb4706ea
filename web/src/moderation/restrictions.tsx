import { useSignal } from '@preact/signals'
import type { Chat } from '@rabble/client'
import { liftBan, liftMute, listBans, listMutes, type Sanction } from '@rabble/client/moderation'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { momentOf } from '../conversation/dates.ts'
import { useAttempt } from '../state/attempt.ts'
import { nameOf } from '../state/names.ts'
import { t } from '../texts/texts.ts'

/** Number of bans and of mutes that are shown at once. */
const pageSize = 50

type Kind = 'ban' | 'mute'
/** A restriction in force, and whether it is a ban or a mute. */
type Listed = Sanction & { kind: Kind }
interface Page {
  listed: Listed[]
  /** Kinds of which there are more. */
  more: readonly Kind[]
}
interface Place {
  user?: string
  /** Absent: everywhere, for moderators. */
  room?: string
}

/** Bans and mutes in force of a user, in a room, or all of them, each with a button that lifts it. */
export function Restrictions({ user, room }: Place): JSX.Element | null {
  const { busy, problem, run } = useAttempt()
  const page = useSignal<Page | undefined>(undefined)
  const load = (before?: Page) =>
    run(async (chat) => {
      page.value = await pageAfter(
        chat,
        { ...(user !== undefined && { user }), ...(room !== undefined && { room }) },
        before,
      )
    })
  useEffect(() => void load(), [user, room])
  const lift = (one: Listed) =>
    run(async (chat) => {
      await (one.kind === 'ban' ? liftBan : liftMute)(chat, one.id)
      const { value } = page
      if (value !== undefined)
        page.value = { ...value, listed: value.listed.filter((other) => other !== one) }
    })
  const listed = page.value?.listed
  return (
    <section class="restrictions">
      <h3>{t.moderation.inForce}</h3>
      <p class="problem small" role="alert">
        {problem.value}
      </p>
      <p class="quiet small" role="status">
        {listed === undefined ? t.common.loading : listed.length === 0 ? t.moderation.noneInForce : ''}
      </p>
      <ul class="entries" aria-label={t.moderation.inForce}>
        {listed?.map((one) => (
          <li key={`${one.kind} ${one.id}`} class="entry">
            <p>
              <bdi class="name">{nameOf(one.user)}</bdi>{' '}
              <span>{one.kind === 'ban' ? t.moderation.banned : t.moderation.muted}</span>{' '}
              <span class="quiet small">
                {one.room === undefined ? t.moderation.everywhere : t.search.inRoom(<bdi>{one.room}</bdi>)}
                {', '}
                {one.expiresAt === undefined
                  ? t.moderation.forGood
                  : t.moderation.until(momentOf(one.expiresAt))}
              </span>
            </p>
            {one.reason !== '' && <p dir="auto">{one.reason}</p>}
            <p class="quiet small">{t.moderation.by(<bdi>{one.by.name}</bdi>, momentOf(one.at))}</p>
            <button type="button" disabled={busy.value} onClick={() => void lift(one)}>
              {one.kind === 'ban' ? t.moderation.liftBan : t.moderation.liftMute}
            </button>
          </li>
        ))}
      </ul>
      {(page.value?.more.length ?? 0) > 0 && (
        <button type="button" disabled={busy.value} onClick={() => void load(page.value)}>
          {t.rooms.showMore}
        </button>
      )}
    </section>
  )
}

async function pageAfter(chat: Chat, place: Place, before: Page | undefined): Promise<Page> {
  const listed = [...(before?.listed ?? [])]
  const more: Kind[] = []
  for (const kind of before?.more ?? (['ban', 'mute'] as const)) {
    // Ids grow with time.
    const after = Math.max(0, ...listed.filter((one) => one.kind === kind).map(({ id }) => id))
    const options = { ...place, limit: pageSize, ...(after > 0 && { after }) }
    const [found, hasMore] = await find(chat, kind, options)
    listed.push(...found.map((one) => ({ ...one, kind })))
    if (hasMore) more.push(kind)
  }
  return { listed: listed.sort((one, other) => other.at.localeCompare(one.at)), more }
}

async function find(
  chat: Chat,
  kind: Kind,
  options: Parameters<typeof listBans>[1],
): Promise<[Sanction[], boolean]> {
  if (kind === 'ban') {
    const { bans, hasMore } = await listBans(chat, options)
    return [bans, hasMore]
  }
  const { mutes, hasMore } = await listMutes(chat, options)
  return [mutes, hasMore]
}
