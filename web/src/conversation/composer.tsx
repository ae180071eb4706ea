import { useSignal } from '@preact/signals'
import type { Room } from '@rabble/client'
import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { pressed } from '../shortcuts/keyboard.ts'
import { people } from '../state/people.ts'
import { mayMentionAll } from '../state/roles.ts'
import { titleOf } from '../state/rooms.ts'
import { chat, me } from '../state/session.ts'
import { isolated } from '../texts/isolated.ts'
import { t } from '../texts/texts.ts'
import { IconButton } from '../ui/button.tsx'
import { Icon } from '../ui/icons.tsx'
import { touch } from '../ui/media.ts'
import { edit, isOwn, write } from './actions.ts'
import { draft, texts } from './draft.ts'
import { toEnd } from './jump.ts'
import { groups, type Mentionable, mentionedIn } from './mentions.ts'
import { OfferList, offerId, useOffers, type Whom } from './offers.tsx'
import { Quote } from './quote.tsx'
import { isInvisible } from './shown.ts'

/** Maximum number of users who were chosen in one text. More can't be mentioned. */
const maxChosen = 20

/** Input for new messages, replies and edits. */
export function Composer({ room }: { room: Room }): JSX.Element {
  const text = useSignal(texts.get(room.name) ?? '')
  const problem = useSignal('')
  const box = useRef<HTMLTextAreaElement>(null)
  const { value: about } = draft
  const editing = about.about === 'edit' ? about.message : undefined
  const most = chat.value?.limits?.textCharacters ?? 4_000
  // Code points, as on the server. A character that people see may consist of any number of them.
  const length = text.value.length > most * 0.8 ? [...text.value].length : 0
  const tooLong = length > most

  useEffect(() => {
    draft.value = { about: 'new' }
    if (!touch.peek()) box.current?.focus()
  }, [])
  // After a disconnection `room` is another object.
  useEffect(() => {
    problem.value = ''
  }, [room, about])
  // An edited message replaces the draft, which comes back afterwards. A layout effect, so that no typing is lost in between.
  useLayoutEffect(() => {
    text.value = editing === undefined ? (texts.get(room.name) ?? '') : editing.text
    if (about.about !== 'new') box.current?.focus()
  }, [about])
  useLayoutEffect(() => {
    const { current } = box
    if (current === null) return
    current.style.height = 'auto'
    current.style.height = `${current.scrollHeight}px`
  }, [text.value])

  const type = (value: string) => {
    text.value = value
    problem.value = ''
    if (editing === undefined) texts.set(room.name, value)
    if (value !== '') room.keystroke()
  }
  /** Users who were chosen from the list. Of users with the same name, the one who was chosen last is meant. */
  const chosen = useRef<Mentionable[]>([])
  // An edit leaves the mentions of a message as they are.
  const mentionable: Whom = editing !== undefined ? 'nobody' : mayMentionAll(room.name) ? 'all' : 'people'
  const offers = useOffers(box, mentionable, (value, offer) => {
    const who = offer.type === 'person' ? offer.user : offer.type === 'group' ? offer.group : undefined
    if (who !== undefined) chosen.current = [who, ...chosen.current].slice(0, maxChosen)
    type(value)
  })
  /** Returns the ids of those whom the text mentions. */
  const mentioned = () =>
    mentionedIn(text.value, [...chosen.current, ...people.peek(), ...(mentionable === 'all' ? groups : [])])
  const notified = groups.find(
    ({ id }) => mentionable === 'all' && text.value.includes(id) && mentioned().includes(id),
  )
  const cancel = () => {
    draft.value = { about: 'new' }
  }
  const send = () => {
    const written = text.value
    if (isInvisible(written) || tooLong) return
    if (written !== editing?.text) {
      const mentions = mentioned()
      const options = {
        ...(about.about === 'reply' && { replyTo: about.message.id }),
        ...(mentions.length > 0 && { mentions }),
      }
      problem.value =
        write(room, () => (editing ? room.edit(editing.id, written) : room.send(written, options))) ?? ''
      if (problem.value !== '') return
    }
    if (editing === undefined) {
      texts.delete(room.name)
      text.value = ''
      chosen.current = []
      toEnd.value++
    }
    cancel()
    box.current?.focus()
  }
  const press = (event: KeyboardEvent) => {
    if (offers.press(event)) return
    if (pressed('send', event) && !event.isComposing) {
      event.preventDefault()
      send()
    } else if (pressed('cancel', event) && about.about !== 'new') {
      event.preventDefault()
      cancel()
    } else if (pressed('editLast', event) && text.value === '' && about.about === 'new') {
      const last = room.messages.findLast((message) => isOwn(message, me.peek()?.id))
      if (last === undefined) return
      event.preventDefault()
      edit(last)
    }
  }
  return (
    <form
      class="composer"
      autocomplete="off"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {about.about !== 'new' && (
        <p class="about">
          <Icon name={about.about === 'edit' ? 'edit' : 'reply'} size={18} />
          {about.about === 'edit' ? t.conversation.editing : t.conversation.replyingTo}
          {about.about === 'reply' && <Quote room={room} id={about.message.id} />}
          <IconButton icon="close" label={t.common.cancel} onClick={cancel} />
        </p>
      )}
      <OfferList offers={offers} />
      <div class="composer-box">
        <label class="unseen" for="message">
          {t.conversation.message}
        </label>
        <textarea
          id="message"
          ref={box}
          rows={1}
          // Without a text, the placeholder has the direction of the page.
          dir={text.value === '' ? undefined : 'auto'}
          value={text.value}
          enterkeyhint="send"
          placeholder={t.conversation.writeTo(isolated(titleOf(room.name)))}
          aria-describedby="composer-hint"
          aria-autocomplete="list"
          aria-controls={offers.list.length > 0 ? 'offers' : undefined}
          aria-activedescendant={offers.list.length > 0 ? offerId(offers.active) : undefined}
          onInput={(event) => {
            type(event.currentTarget.value)
            offers.look()
          }}
          onKeyDown={press}
          onClick={offers.look}
          onBlur={offers.close}
        />
        <button
          type="submit"
          class="send"
          aria-label={editing === undefined ? t.conversation.send : t.common.save}
          disabled={isInvisible(text.value) || tooLong}
        >
          <Icon name={editing === undefined ? 'send' : 'check'} />
        </button>
      </div>
      {problem.value !== '' && (
        <p class="hint problem" role="alert">
          {problem.value}
        </p>
      )}
      <p id="composer-hint" class={`hint ${tooLong ? 'problem' : ''}`}>
        {notified !== undefined && `${t.conversation.notifies[notified.name]} `}
        {length > 0 ? (
          t.conversation.length(length, most)
        ) : (
          <span class="unseen">{t.conversation.sendHint}</span>
        )}
      </p>
    </form>
  )
}
