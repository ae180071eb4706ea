import { useSignal, useSignalEffect } from '@preact/signals'
import { searchMessages } from '@rabble/client/search'
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { dayOf, momentOf, timeOf } from '../conversation/dates.ts'
import { jumpTo } from '../conversation/jump.ts'
import { shown } from '../conversation/shown.ts'
import { PageHead } from '../shell/page-head.tsx'
import { conversations } from '../state/conversations.ts'
import { findKnown } from '../state/names.ts'
import { peerOf, titleOf } from '../state/rooms.ts'
import { go } from '../state/route.ts'
import { changes, chat, me, problemOf } from '../state/session.ts'
import { isolated } from '../texts/isolated.ts'
import { t } from '../texts/texts.ts'
import { Avatar } from '../ui/avatar.tsx'
import { Icon } from '../ui/icons.tsx'

type Page = Awaited<ReturnType<typeof searchMessages>>

const limit = 30

/** Page with the messages that contain the words of `query`, in all rooms or in one. */
export function SearchPage({ query, room }: { query: string; room?: string | undefined }): JSX.Element {
  changes.value
  const from = useSignal('')
  const since = useSignal('')
  const until = useSignal('')
  const sort = useSignal<'rank' | 'newest'>('rank')
  const page = useSignal<Page | undefined>(undefined)
  const problem = useSignal('')
  const busy = useSignal(false)
  const turn = useRef(0)
  const words = useRef<HTMLInputElement>(null)

  const load = async (before?: string) => {
    const mine = ++turn.current
    problem.value = ''
    if (before === undefined) page.value = undefined
    const asking = query.trim() !== ''
    busy.value = asking
    if (!asking) return
    try {
      const own = chat.peek()
      if (own === undefined) return
      const next = await searchMessages(own, query, {
        sort: sort.peek(),
        limit,
        ...(room !== undefined && { room }),
        ...(from.peek() !== '' && { from: from.peek() }),
        ...(since.peek() !== '' && { since: startOf(since.peek(), 0) }),
        ...(until.peek() !== '' && { until: startOf(until.peek(), 1) }),
        ...(before !== undefined && { before }),
      })
      if (mine !== turn.current) return
      page.value = {
        ...next,
        results: [...(before === undefined ? [] : (page.peek()?.results ?? [])), ...next.results],
      }
    } catch (error) {
      if (mine === turn.current) problem.value = problemOf(error)
    }
    if (mine === turn.current) busy.value = false
  }
  useEffect(() => words.current?.focus(), [])
  useEffect(() => void load(), [query, room])
  useSignalEffect(() => {
    // A changed filter searches again. The words start the first search.
    if ([from.value, since.value, until.value, sort.value].join() !== '' && turn.current > 0) void load()
  })
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const wanted = words.current?.value.trim() ?? ''
    if (wanted === query) void load()
    else go({ view: 'search', query: wanted, room })
  }

  const mine = me.value
  const people = [...(mine === undefined ? [] : [mine]), ...findKnown('')]
  const rooms = new Set([
    ...(conversations.value?.conversations.map(({ room }) => room) ?? []),
    ...(chat.value?.rooms.map(({ name }) => name) ?? []),
    ...(room === undefined ? [] : [room]),
  ])
  const hits = page.value?.results
  return (
    <section class="page">
      <PageHead title={t.common.search} />
      <div class="page-body">
        <search>
          <form class="search-form" autocomplete="off" onSubmit={submit}>
            <div class="filter">
              <Icon name="search" size={18} />
              <label class="unseen" for="search-words">
                {t.search.words}
              </label>
              <input
                id="search-words"
                ref={words}
                key={query}
                type="search"
                defaultValue={query}
                enterkeyhint="search"
                placeholder={t.search.wordsHint}
              />
              <button type="submit" class="primary">
                {t.common.search}
              </button>
            </div>
            <div class="search-filters">
              <label class="choice">
                {t.search.in}
                <select
                  value={room ?? ''}
                  onChange={({ currentTarget: { value } }) =>
                    go({
                      view: 'search',
                      query: words.current?.value.trim() ?? query,
                      room: value === '' ? undefined : value,
                    })
                  }
                >
                  <option value="">{t.search.allRooms}</option>
                  {[...rooms].map((name) => (
                    <option key={name} value={name}>
                      {titleOf(name)}
                    </option>
                  ))}
                </select>
              </label>
              <label class="choice">
                {t.search.by}
                <select
                  value={from.value}
                  onChange={({ currentTarget: { value } }) => {
                    from.value = value
                  }}
                >
                  <option value="">{t.search.everybody}</option>
                  {people.map(({ id, name }) => (
                    <option key={id} value={id}>
                      {id === mine?.id ? t.search.ownName(isolated(name)) : name}
                    </option>
                  ))}
                </select>
              </label>
              <label class="choice">
                {t.search.since}
                <input
                  type="date"
                  onChange={({ currentTarget: { value } }) => {
                    since.value = value
                  }}
                />
              </label>
              <label class="choice">
                {t.search.until}
                <input
                  type="date"
                  onChange={({ currentTarget: { value } }) => {
                    until.value = value
                  }}
                />
              </label>
              <label class="choice">
                {t.search.first}
                <select
                  value={sort.value}
                  onChange={({ currentTarget: { value } }) => {
                    sort.value = value === 'newest' ? 'newest' : 'rank'
                  }}
                >
                  <option value="rank">{t.search.best}</option>
                  <option value="newest">{t.search.newest}</option>
                </select>
              </label>
            </div>
          </form>
        </search>
        {problem.value !== '' && (
          <p class="notice" role="alert">
            {problem.value}
          </p>
        )}
        <p class="quiet" role="status">
          {busy.value ? t.search.searching : count(page.value)}
        </p>
        <ul class="hits" aria-label={t.search.hits}>
          {hits?.map(({ message, snippet }) => (
            <li key={message.id}>
              <button
                type="button"
                class="hit"
                disabled={isNotice(message.room)}
                onClick={() => jumpTo(message.room, message.id)}
              >
                <span class="hit-head">
                  <Avatar user={message.from} small />
                  <bdi class="name">{message.from.name}</bdi>
                  <span class="quiet small">
                    {placeOf(message.room)},{' '}
                    <time
                      dateTime={message.at}
                      title={momentOf(message.at)}
                    >{`${dayOf(message.at)}, ${timeOf(message.at)}`}</time>
                  </span>
                </span>
                <span class="snippet" dir="auto">
                  {snippet.map(({ text, match }, index) =>
                    match ? <mark key={index}>{shown(text)}</mark> : shown(text),
                  )}
                </span>
              </button>
            </li>
          ))}
        </ul>
        {page.value?.hasMore === true && (
          <button type="button" disabled={busy.value} onClick={() => void load(hits?.at(-1)?.message.id)}>
            {t.search.moreMessages}
          </button>
        )}
      </div>
    </section>
  )
}

function count(page: Page | undefined): string {
  if (page === undefined) return ''
  const { length } = page.results
  if (length === 0) return t.search.none
  return page.hasMore ? t.search.firstOf(length) : t.search.count(length)
}

/** Returns the start of a day in the reader's time zone, plus some days. */
function startOf(date: string, days: number): Date {
  const day = new Date(`${date}T00:00`)
  day.setDate(day.getDate() + days)
  return day
}

/** Whether a room holds notices of the system. The page can't show such a room. */
function isNotice(room: string): boolean {
  return room === '*' || room.startsWith('user:')
}

function placeOf(room: string): ComponentChildren {
  if (isNotice(room)) return room === '*' ? t.search.toEverybody : t.search.toYou
  const title = <bdi>{titleOf(room)}</bdi>
  return peerOf(room) === undefined ? t.search.inRoom(title) : t.search.withPerson(title)
}
