import { useSignal, useSignalEffect } from '@preact/signals'
import type { Room } from '@rabble/client'
import { type Change, PastMessages as Past } from '@rabble/client/search'
import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { dayOf } from '../conversation/dates.ts'
import { placeOf } from '../conversation/grouping.ts'
import { target, toEnd } from '../conversation/jump.ts'
import { Row } from '../conversation/row.tsx'
import { showsGateways } from '../conversation/shown-gateways.ts'
import { TopAuthor } from '../conversation/top-author.tsx'
import { Viewport } from '../conversation/viewport.ts'
import { atEnd } from '../state/rooms.ts'
import { me, problemOf } from '../state/session.ts'
import { language } from '../texts/language.ts'
import { t } from '../texts/texts.ts'
import { Icon } from '../ui/icons.tsx'
import { past } from './past.ts'

/** Distance (px) to an end at which more messages are loaded. */
const loadAt = 1_500
const maxDraws = 6
const firstHeight = 900

/** List of older messages around one message, in place of the newest messages. */
export function PastMessages({ room, id }: { room: Room; id: string }): JSX.Element {
  const redraws = useSignal(0)
  redraws.value
  const problem = useSignal('')
  const looking = useSignal(true)
  const marked = useSignal(id)
  const scroller = useRef<HTMLElement>(null)
  const list = useRef<HTMLOListElement>(null)
  const own = useRef<{ past: Past; viewport: Viewport }>(null)
  const draws = useRef(0)
  own.current ??= { past: new Past(room), viewport: new Viewport() }
  const { past: part, viewport } = own.current

  const height = () => scroller.current?.clientHeight ?? firstHeight
  const redraw = () => {
    redraws.value = redraws.peek() + 1
  }
  const open = async () => {
    looking.value = true
    problem.value = ''
    try {
      if (!(await part.open(id))) problem.value = t.search.gone
      show(id)
    } catch (error) {
      problem.value = problemOf(error)
    }
    looking.value = false
  }
  /** Retries after an error. */
  const again = () => {
    if (problem.peek() === '' || looking.peek()) return
    problem.value = ''
    if (part.messages.length === 0) void open()
    else look()
  }
  const load = async (loading: Promise<boolean>) => {
    try {
      if (await loading) redraw()
      problem.value = ''
    } catch (error) {
      problem.value = problemOf(error)
    }
  }
  const look = () => {
    // Never at the end: there, the list would follow each page that is loaded.
    viewport.atEnd = false
    if (looking.peek() || problem.peek() !== '') return
    const above = viewport.above(height())
    if (above < loadAt) void load(part.loadOlder())
    if (viewport.heights.total - above - height() < loadAt) void load(part.loadNewer())
  }
  const settle = () => {
    if (scroller.current === null || list.current === null || looking.peek()) return
    viewport.settle(scroller.current, list.current)
    if (viewport.scant(height()) && draws.current++ < maxDraws) redraw()
    look()
  }
  const scrolled = () => {
    if (scroller.current === null || list.current === null || looking.peek()) return
    draws.current = 0
    viewport.scrolled(scroller.current, list.current)
    viewport.atEnd = false
    if (viewport.scant(height())) redraw()
    look()
  }
  const toNewest = () => {
    past.value = undefined
  }
  const show = (wanted: string) => {
    draws.current = 0
    viewport.show(wanted, height())
    marked.value = wanted
    redraw()
    // The keyboard continues from there.
    requestAnimationFrame(() => {
      for (const row of list.current?.children ?? []) {
        if (row instanceof HTMLElement && row.dataset.id === wanted) row.focus({ preventScroll: true })
      }
    })
  }

  if (scroller.current !== null) viewport.moved(scroller.current)
  viewport.atEnd = false
  viewport.follow(part.messages, height())
  useLayoutEffect(settle)
  useEffect(() => {
    const mine = past.peek()
    atEnd.value = false
    void open()
    const observer = new ResizeObserver(settle)
    for (const element of [scroller.current, list.current]) if (element !== null) observer.observe(element)
    const change = ({ change }: { change: Change }) => {
      if (part.change(change)) redraw()
    }
    const offs = [
      room.on('edit', change),
      room.on('delete', change),
      room.on('reaction', change),
      room.on('joined', again),
    ]
    return () => {
      observer.disconnect()
      for (const off of offs) off()
      // The next visit to the room shows the newest messages.
      if (past.peek() === mine) past.value = undefined
    }
  }, [])
  useSignalEffect(() => {
    const wanted = target.value
    if (wanted === undefined || wanted.room !== room.name) return
    target.value = undefined
    if (part.messages.some((message) => message.id === wanted.id)) show(wanted.id)
    else past.value = wanted
  })

  const ends = useRef(toEnd.peek())
  useSignalEffect(() => {
    // The user sent a message, which is at the end.
    if (toEnd.value !== ends.current) toNewest()
  })

  const { messages } = part
  const user = me.value?.id
  const drawn = messages.slice(viewport.first, viewport.last)
  const first = drawn[0]
  const focusable = drawn.some((message) => message.id === marked.value) ? marked.value : drawn.at(-1)?.id
  return (
    <div class="messages-frame">
      <section
        ref={scroller}
        class="messages past"
        role="log"
        aria-live="off"
        aria-label={t.common.messages}
        onScroll={scrolled}
      >
        <div class="top">
          {problem.value !== '' ? (
            <p role="alert">
              {problem.value}{' '}
              <button type="button" class="link-button" onClick={again}>
                {t.common.tryAgain}
              </button>
            </p>
          ) : looking.value ? (
            <p>{t.common.lookingForMessage}</p>
          ) : part.hasOlder ? (
            <p>{t.common.loadingEarlier}</p>
          ) : (
            <p>{t.common.beginning}</p>
          )}
        </div>
        <ol ref={list} class="rows">
          {drawn.map((message, index) => (
            <Row
              key={message.id}
              room={room}
              message={message}
              {...placeOf(message, messages[viewport.first + index - 1])}
              firstUnread={false}
              me={user}
              newestOwn={false}
              change={undefined}
              changeState={undefined}
              active={message.id === focusable}
              marked={message.id === marked.value}
              via={showsGateways.value}
              language={language.value}
            />
          ))}
        </ol>
        {!looking.value && !part.hasNewer && (
          <p class="past-end">
            <button type="button" class="link-button" onClick={toNewest}>
              {t.search.toLive}
            </button>
          </p>
        )}
      </section>
      <TopAuthor scroller={scroller} list={list} messages={messages} />
      <button type="button" class="to-end" onClick={toNewest}>
        <Icon name="down" size={18} />
        {t.common.toNewest}
      </button>
      <p class={`toast ${first === undefined ? 'gone' : ''}`} role="status">
        {first !== undefined && t.search.readingEarlier(dayOf(first.at))}
      </p>
    </div>
  )
}
