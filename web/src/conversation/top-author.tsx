import { useSignal } from '@preact/signals'
import type { Message, User } from '@rabble/client'
import type { JSX, RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Avatar } from '../ui/avatar.tsx'

/** Height (px) of the upper part of the list that the author covers. The style sheet has the same. */
const covered = 36

interface Props {
  scroller: RefObject<HTMLElement | null>
  list: RefObject<HTMLElement | null>
  messages: readonly Message[]
}

/** The author of the uppermost message that can be seen, while the name at the beginning of the author's messages is above. */
export function TopAuthor({ scroller, list, messages }: Props): JSX.Element | null {
  const author = useSignal<User | undefined>(undefined)
  const known = useRef(messages)
  known.current = messages
  const look = () => {
    const id = nameless(scroller.current, list.current)
    const next = id === undefined ? undefined : known.current.find((message) => message.id === id)?.from
    const { value } = author
    if (next?.id !== value?.id || next?.name !== value?.name) author.value = next
  }
  // After the list has scrolled to its place.
  useEffect(look)
  useEffect(() => {
    const { current } = scroller
    current?.addEventListener('scroll', look, { passive: true })
    const observer = new ResizeObserver(look)
    for (const element of [current, list.current]) if (element !== null) observer.observe(element)
    return () => {
      current?.removeEventListener('scroll', look)
      observer.disconnect()
    }
  }, [])
  const { value } = author
  if (value === undefined) return null
  // Screen readers read the name with each message.
  return (
    <p class="top-author" aria-hidden="true">
      <Avatar user={value} small />
      <bdi class="name">{value.name}</bdi>
    </p>
  )
}

/** Returns the id of the message below the covered part of the list, if its author's name is above the visible part. */
function nameless(scroller: HTMLElement | null, list: HTMLElement | null): string | undefined {
  if (scroller === null || list === null) return undefined
  const edge = scroller.getBoundingClientRect().top
  for (const row of list.children) {
    if (row.getBoundingClientRect().bottom <= edge + covered) continue
    const name = row.matches('.head') ? row.querySelector('.said-by') : null
    const isVisible = name !== null && name.getBoundingClientRect().bottom > edge
    return isVisible || !(row instanceof HTMLElement) ? undefined : row.dataset.id
  }
  return undefined
}
