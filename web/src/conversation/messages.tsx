import { useSignal, useSignalEffect } from '@preact/signals'
import type { Message, Pending, Room } from '@rabble/client'
import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { past } from '../search/past.ts'
import { line, unreadOf } from '../state/reading.ts'
import { atEnd } from '../state/rooms.ts'
import { changes, me, problemOf } from '../state/session.ts'
import { language } from '../texts/language.ts'
import { t } from '../texts/texts.ts'
import { Icon } from '../ui/icons.tsx'
import { placeOf } from './grouping.ts'
import { jumping, jumpTo, loadUntil, target, toEnd } from './jump.ts'
import { Row } from './row.tsx'
import { moveFocus } from './row-focus.ts'
import { showsGateways } from './shown-gateways.ts'
import { TopAuthor } from './top-author.tsx'
import { badge, firstAfter } from './unread.ts'
import { UnsentRow } from './unsent-row.tsx'
import { Viewport } from './viewport.ts'

/** Distance (px) to the first message at which older ones are loaded. */
const loadAt = 1_500
const page = 100
/** At the end of the list, a room with more than `maxAtEnd` messages is trimmed to `keepAtEnd`. */
const maxAtEnd = 1_000
const keepAtEnd = 300
/** Time (ms) for which the target of a jump is marked, and for which the reason of a failed jump is shown. */
const markedFor = 2_500
const saidFor = 6_000
/** Maximum number of successive draws until the drawn rows fill the window. More is never needed. */
const maxDraws = 6
const firstHeight = 900

/** List of the messages of a room. Only rows in and near the visible part are in the page. */
export function Messages({ room }: { room: Room }): JSX.Element {
  changes.value
  const redraws = useSignal(0)
  redraws.value
  const loading = useSignal(false)
  const problem = useSignal('')
  const marked = useSignal<string | undefined>(undefined)
  const active = useSignal<string | undefined>(undefined)
  const scroller = useRef<HTMLElement>(null)
  const list = useRef<HTMLOListElement>(null)
  const view = useRef<Viewport>(null)
  const draws = useRef(0)
  /** Message to which a jump to the first unread one leads, while the line is above the visible part. */
  const firstAbove = useSignal<string | undefined>(undefined)
  /** Whether the focus was in the list before this draw. */
  const held = useRef(false)
  const settled = useRef(() => {})
  view.current ??= new Viewport()
  const viewport = view.current

  const height = () => scroller.current?.clientHeight ?? firstHeight
  const redraw = () => {
    redraws.value = redraws.peek() + 1
  }
  const load = async () => {
    if (loading.peek() || !room.hasOlder || room.status === 'left') return
    loading.value = true
    try {
      await room.loadOlder(page)
      problem.value = ''
    } catch (error) {
      problem.value = problemOf(error)
    }
    loading.value = false
  }
  const look = () => {
    atEnd.value = viewport.atEnd
    // A room without events at the gateway may be quiet or new. Only history knows.
    const isKnown = room.messages.length > 0 || room.status === 'joined'
    if (viewport.above(height()) < loadAt && problem.peek() === '' && isKnown) void load()
    if (viewport.atEnd && room.messages.length > maxAtEnd) room.trim(keepAtEnd)
    firstAbove.value = unreadAbove()
  }
  const settle = () => {
    if (scroller.current === null || list.current === null) return
    viewport.settle(scroller.current, list.current)
    if (!viewport.scant(height())) draws.current = 0
    else if (draws.current++ < maxDraws) redraw()
    // If the focused row was removed by scrolling, the list gets the focus.
    if (held.current && document.activeElement === document.body)
      scroller.current.focus({ preventScroll: true })
    look()
  }
  const scrolled = () => {
    if (scroller.current === null || list.current === null) return
    draws.current = 0
    viewport.scrolled(scroller.current, list.current)
    if (viewport.scant(height())) redraw()
    look()
  }
  const goToEnd = () => {
    draws.current = 0
    viewport.end()
    redraw()
  }

  const { messages } = room
  if (scroller.current !== null) viewport.moved(scroller.current)
  viewport.follow(messages, height())
  held.current = list.current?.contains(document.activeElement) === true
  settled.current = settle
  useLayoutEffect(settle)
  useEffect(() => {
    // Sizes change when a row expands, a keyboard appears or a device is rotated.
    const observer = new ResizeObserver(() => settled.current())
    for (const element of [scroller.current, list.current]) if (element !== null) observer.observe(element)
    return () => observer.disconnect()
  }, [])
  // The next draw loads older messages again.
  useEffect(
    () =>
      room.on('joined', () => {
        problem.value = ''
      }),
    [room],
  )
  // The arrow keys move through the messages, from the focused one.
  useEffect(() => {
    const move = (event: KeyboardEvent) => {
      const row = moveFocus(event)
      if (row !== undefined) active.value = row.dataset.id
    }
    scroller.current?.addEventListener('keydown', move)
    return () => scroller.current?.removeEventListener('keydown', move)
  }, [])
  useSignalEffect(() => {
    if (toEnd.value > 0) goToEnd()
  })
  useSignalEffect(() => {
    const wanted = target.value
    if (wanted === undefined || wanted.room !== room.name) return
    const current = () => target.peek() === wanted
    jumping.value = { room: room.name, text: t.common.lookingForMessage }
    loadUntil(room, wanted.id, current)
      .then((found) => {
        if (!current()) return
        jumping.value = undefined
        if (!found) past.value = wanted
        if (!found) return
        draws.current = 0
        viewport.show(wanted.id, height())
        marked.value = wanted.id
        active.value = wanted.id
        redraw()
        setTimeout(() => {
          if (marked.peek() === wanted.id) marked.value = undefined
        }, markedFor)
      })
      .catch((error: unknown) => {
        if (!current()) return
        const said = { room: room.name, text: problemOf(error) }
        jumping.value = said
        setTimeout(() => {
          if (jumping.peek() === said) jumping.value = undefined
        }, saidFor)
      })
      .finally(() => {
        if (current()) target.value = undefined
      })
  })

  const outcome = jumping.value?.room === room.name ? jumping.value.text : ''
  const own = me.value?.id
  const drawn = messages.slice(viewport.first, viewport.last)
  const newestOwn = messages.slice(-page).findLast(({ from }) => from.id === own)?.id
  const changing = new Map<string, Pending>()
  const unsent: Pending[] = []
  for (const pending of room.pending) {
    if (pending.type === 'send' || isAlone(pending)) unsent.push(pending)
    else if (pending.message !== undefined) changing.set(pending.message, pending)
  }
  const focusable = drawn.some(({ id }) => id === active.value) ? active.value : drawn.at(-1)?.id
  const unread = unreadOf(room.name).messages
  const first = firstUnread()

  return (
    <div class="messages-frame">
      <section
        ref={scroller}
        class="messages"
        role="log"
        aria-live="off"
        tabIndex={-1}
        aria-label={t.common.messages}
        onScroll={scrolled}
      >
        <div class="top">{top()}</div>
        <ol ref={list} class="rows">
          {drawn.map((message, index) => {
            const before = messages[viewport.first + index - 1]
            const change = changing.get(message.id)
            const isFirst = message.id === first?.id
            const { day, head } = placeOf(message, before)
            return (
              <Row
                key={message.id}
                room={room}
                message={message}
                day={day}
                head={head || isFirst}
                firstUnread={isFirst}
                me={own}
                newestOwn={message.id === newestOwn && unsent.length === 0}
                change={change}
                changeState={change?.status}
                active={message.id === focusable}
                marked={message.id === marked.value}
                via={showsGateways.value}
                language={language.value}
              />
            )
          })}
        </ol>
        {unsent.length > 0 && (
          <ol class="rows" aria-label={t.conversation.notSentYet}>
            {unsent.map((pending, index) => (
              <UnsentRow
                key={pending.cid}
                room={room}
                pending={pending}
                head={index === 0 && messages.at(-1)?.from.id !== own}
              />
            ))}
          </ol>
        )}
      </section>
      <TopAuthor scroller={scroller} list={list} messages={messages} />
      {!atEnd.value && (
        <button type="button" class="to-end" onClick={goToEnd}>
          <Icon name="down" size={18} />
          {unread === 0 ? t.common.toNewest : t.conversation.newMessages(unread, badge(unread))}
        </button>
      )}
      {firstAbove.value !== undefined && outcome === '' && (
        <button type="button" class="to-first" onClick={() => jumpTo(room.name, firstAbove.peek() ?? '')}>
          <Icon name="up" size={18} />
          {t.conversation.jumpToUnread}
        </button>
      )}
      <p class={`toast ${outcome === '' ? 'gone' : ''}`} role="status">
        {outcome}
      </p>
    </div>
  )

  /** Returns the message below the line "New messages", if it is loaded. */
  function firstUnread(): Message | undefined {
    return line.value?.room === room.name ? firstAfter(room, line.value.readUpTo) : undefined
  }

  /** Returns the first unread message if it is above the visible part or, if it is not loaded, the last one that was read. */
  function unreadAbove(): string | undefined {
    const last = room.messages.at(-1)
    if (line.peek()?.room !== room.name || last === undefined) return undefined
    const readUpTo = line.peek()?.readUpTo
    const first = firstUnread()
    if (first === undefined) return last.id === readUpTo ? undefined : readUpTo
    const index = viewport.heights.indexOf(first.id, viewport.first)
    return viewport.heights.top(index + 1) <= viewport.above(height()) ? first.id : undefined
  }

  /** Whether a change is a failed edit whose message is not in the list. */
  function isAlone({ type, status, message }: Pending): boolean {
    if (type !== 'edit' || status !== 'failed') return false
    return !messages.some(({ id, deleted }) => id === message && deleted === undefined)
  }

  function top(): JSX.Element | string {
    if (problem.value !== '') {
      return (
        <p>
          {t.conversation.earlierProblem(problem.value)}{' '}
          <button
            type="button"
            class="link-button"
            onClick={() => {
              problem.value = ''
              void load()
            }}
          >
            {t.common.tryAgain}
          </button>
        </p>
      )
    }
    if (loading.value) return <p>{t.common.loadingEarlier}</p>
    if (room.status === 'joined' && !room.hasOlder) {
      return <p>{messages.length === 0 ? t.conversation.nobodySaid : t.common.beginning}</p>
    }
    return ''
  }
}
