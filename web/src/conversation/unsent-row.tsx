import type { Pending, Room } from '@rabble/client'
import type { JSX } from 'preact'
import { changes, me } from '../state/session.ts'
import { errorText } from '../texts/error-text.ts'
import { t } from '../texts/texts.ts'
import { Avatar } from '../ui/avatar.tsx'
import { Icon } from '../ui/icons.tsx'
import { quietly } from './actions.ts'
import { shortTimeOf, timeOf } from './dates.ts'
import { Quote } from './quote.tsx'
import { Text } from './text.tsx'

/** An own message that is not in the room yet. */
export function UnsentRow({
  room,
  pending,
  head,
}: {
  room: Room
  pending: Pending
  head: boolean
}): JSX.Element {
  changes.value
  const user = me.value
  const { status, error } = pending
  return (
    <li class={`row own ${head ? 'head' : ''} ${status === 'sent' ? '' : 'unsent'}`}>
      <article class="message">
        {head && user !== undefined && <Avatar user={user} />}
        <p class={`said-by ${head ? '' : 'short'}`}>
          {head && <bdi class="name">{user?.name}</bdi>}{' '}
          <time dateTime={pending.at}>{(head ? timeOf : shortTimeOf)(pending.at)}</time>
        </p>
        <div class="content">
          {pending.replyTo !== undefined && <Quote room={room} id={pending.replyTo} />}
          <div class="said">
            <div class="body">
              <Text text={pending.text} mentions={pending.mentions} />
            </div>
            {status !== 'failed' && (
              <span class="arrived">
                {status === 'sent' ? (
                  <Icon name="check" label={t.conversation.sent} size={14} />
                ) : (
                  <Icon name="clock" label={t.conversation.sending} size={14} />
                )}
              </span>
            )}
          </div>
          {status === 'failed' ? (
            <p class="failed">
              <Icon name="alert" size={16} />
              {t.conversation.notSent(errorText(error))}{' '}
              <button type="button" class="link-button" onClick={() => quietly(pending.retry())}>
                {t.conversation.retry}
              </button>{' '}
              <button type="button" class="link-button" onClick={() => pending.discard()}>
                {t.conversation.discard}
              </button>
            </p>
          ) : (
            status === 'pending' && <p class="fate">{waiting(room, error)}</p>
          )}
        </div>
      </article>
    </li>
  )
}

function waiting(room: Room, why: Pending['error']): string {
  if (why !== undefined) return t.conversation.notSentYetAs(errorText(why))
  return room.status === 'joined' ? '' : t.conversation.notSentYet
}
