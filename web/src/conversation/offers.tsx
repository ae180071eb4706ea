import { type Signal, signal, useSignal } from '@preact/signals'
import type { JSX, RefObject } from 'preact'
import { pressed } from '../shortcuts/keyboard.ts'
import { findKnown } from '../state/names.ts'
import { people } from '../state/people.ts'
import { me } from '../state/session.ts'
import { t } from '../texts/texts.ts'
import { Avatar } from '../ui/avatar.tsx'
import { Icon } from '../ui/icons.tsx'
import { moved, Option } from '../ui/options.tsx'
import {
  complete,
  maxOffers,
  type Offer,
  peopleFor,
  type Typed,
  typedBefore,
  withGroups,
} from './completion.ts'

/** The list of emoji, which is loaded when the first one is typed. */
const list = signal<typeof import('../emoji/emoji.ts') | undefined>(undefined)

/** Offers behind `@` in an input: nobody, people, or groups such as `@room` as well. */
export type Whom = 'nobody' | 'people' | 'all'

/** Offers for what is typed in an input. */
export interface Offers {
  readonly list: readonly Offer[]
  /** Index of the offer that Enter takes. */
  readonly active: number
  /** Looks at the input again: its text or its caret has changed. */
  look(): void
  /** Handles a key. Returns whether the list has used it. */
  press(event: KeyboardEvent): boolean
  take(offer: Offer): void
  close(): void
}

/** Returns the offers for an input. `took` gets each text with a chosen offer. */
export function useOffers(
  box: RefObject<HTMLTextAreaElement | null>,
  mentionable: Whom,
  took: (text: string, offer: Offer) => void,
): Offers {
  const typed = useSignal<Typed | undefined>(undefined)
  const active = useSignal(0)
  const offers = offersFor(typed, mentionable)
  const close = () => {
    typed.value = undefined
  }
  const take = (offer: Offer) => {
    const { current } = box
    const what = typed.peek()
    if (current === null || what === undefined) return
    const done = complete(current.value, current.selectionEnd, what, offer)
    close()
    // Before the page draws it: only so the caret stays where it is set.
    current.value = done.text
    current.setSelectionRange(done.caret, done.caret)
    current.focus()
    took(done.text, offer)
  }
  return {
    list: offers,
    active: Math.min(active.value, offers.length - 1),
    look() {
      const { current } = box
      if (current === null) return
      const next =
        current.selectionStart === current.selectionEnd
          ? typedBefore(current.value, current.selectionEnd)
          : undefined
      active.value = 0
      typed.value = next
      if (next?.sign === ':' && list.peek() === undefined)
        import('../emoji/emoji.ts').then(
          (module) => {
            list.value = module
          },
          () => {},
        )
    },
    press(event) {
      if (offers.length === 0 || event.isComposing) return false
      const index = Math.min(active.value, offers.length - 1)
      const offer = offers[index]
      const next = moved(event, index, offers.length)
      if (next !== undefined) active.value = next
      else if (event.key === 'Escape') close()
      else if (pressed('take', event) && offer !== undefined) take(offer)
      else return false
      event.preventDefault()
      return true
    },
    take,
    close,
  }
}

function offersFor({ value: typed }: Signal<Typed | undefined>, mentionable: Whom): Offer[] {
  if (typed === undefined) return []
  const { sign, letters } = typed
  if (sign === ':') {
    return (list.value?.findEmoji(letters, maxOffers) ?? []).map((emoji) => ({ type: 'emoji', emoji }))
  }
  if (mentionable === 'nobody') return []
  const own = me.value?.id
  const found = peopleFor(
    letters,
    people.value.filter(({ id }) => id !== own),
    findKnown(letters),
  )
  return mentionable === 'all' ? withGroups(letters, found) : found
}

/** Returns the id of the element of an offer, for the input. */
export function offerId(index: number): string {
  return `offer-${index}`
}

/** List of offers above the input. The focus stays in the input. */
export function OfferList({ offers: { list, active, take } }: { offers: Offers }): JSX.Element | null {
  if (list.length === 0) return null
  return (
    <div id="offers" class="offers" role="listbox" aria-label={t.conversation.suggestions}>
      {list.map((offer, index) => (
        <Option key={keyOf(offer)} id={offerId(index)} active={index === active} onTake={() => take(offer)}>
          <Offered offer={offer} />
        </Option>
      ))}
    </div>
  )
}

function keyOf(offer: Offer): string {
  if (offer.type === 'person') return offer.user.id
  return offer.type === 'group' ? offer.group.id : offer.emoji.sign
}

function Offered({ offer }: { offer: Offer }): JSX.Element {
  if (offer.type === 'person') {
    return (
      <>
        <Avatar user={offer.user} small />
        <bdi class="name">{offer.user.name}</bdi>
      </>
    )
  }
  if (offer.type === 'group') {
    return (
      <>
        <Icon name="people" />
        <bdi class="name">{offer.group.id}</bdi>
        <span class="quiet small">{t.conversation.notifies[offer.group.name]}</span>
      </>
    )
  }
  return (
    <>
      <span class="emoji">{offer.emoji.sign}</span>
      <span lang="en">{offer.emoji.name}</span>
    </>
  )
}
