import type { Message, Pending, Room } from '@rabble/client'
import { Component, type JSX } from 'preact'
import { peerOf } from '../state/rooms.ts'
import { errorText } from '../texts/error-text.ts'
import type { Language } from '../texts/language.ts'
import { t } from '../texts/texts.ts'
import { Avatar } from '../ui/avatar.tsx'
import { Icon } from '../ui/icons.tsx'
import { isOwn, quietly } from './actions.ts'
import { dayOf, momentOf, shortTimeOf, timeOf } from './dates.ts'
import { jumpTo } from './jump.ts'
import { Quote } from './quote.tsx'
import { Reactions } from './reactions.tsx'
import { SeenBy } from './seen-by.tsx'
import { Text } from './text.tsx'
import { Toolbar } from './toolbar.tsx'

interface Props {
  room: Room
  message: Message
  /** Whether it is the first message of its day. */
  day: boolean
  /** Whether it shows its sender. */
  head: boolean
  /** Whether it stands below the line "New messages". */
  firstUnread: boolean
  me: string | undefined
  /** Whether it is the newest own message, which shows that it has arrived. */
  newestOwn: boolean
  /** Edit or deletion of it that is not in the room yet. */
  change: Pending | undefined
  changeState: Pending['status'] | undefined
  /** Whether the Tab key reaches this row. */
  active: boolean
  /** Whether it is the target of a jump. */
  marked: boolean
  /** Whether it shows the gateway that took it. */
  via: boolean
  /** Language of the page: a row is drawn again only for other props. */
  language: Language
}

/** A message in the log. */
export class Row extends Component<Props> {
  /**
   * Skips rows without a change, which are most. `useMemo` is no alternative: the elements that it keeps refer to the list of
   * that time, with rows that were removed long ago.
   */
  override shouldComponentUpdate(next: Props): boolean {
    return (Object.keys(next) as (keyof Props)[]).some((name) => next[name] !== this.props[name])
  }

  override render({
    room,
    message,
    day,
    head,
    firstUnread,
    me,
    newestOwn,
    change,
    active,
    marked,
    via,
  }: Props): JSX.Element {
    const own = isOwn(message, me)
    const gone = message.deleted !== undefined
    const mentionsMe = !gone && isMentioned(message, me)
    const text = change?.type === 'edit' ? change.text : message.text
    return (
      <li
        class={`row ${head ? 'head' : ''} ${own ? 'own' : ''} ${mentionsMe ? 'mentions-me' : ''} ${marked ? 'marked' : ''}`}
        data-id={message.id}
        tabIndex={active ? 0 : -1}
      >
        {day && <Day at={message.at} />}
        {firstUnread && (
          <p class="separator new">
            <span>{t.conversation.newMessagesLine}</span>
          </p>
        )}
        <article class="message">
          {head && <Avatar user={message.from} />}
          <p class={`said-by ${head ? '' : 'short'}`}>
            {mentionsMe && <span class="unseen">{t.conversation.mentionsYou} </span>}
            <bdi class={head ? 'name' : 'unseen'}>{message.from.name}</bdi>{' '}
            <time dateTime={message.at} title={titleOf(message, via)}>
              {(head ? timeOf : shortTimeOf)(message.at)}
            </time>{' '}
            {via && (
              <span class={head ? 'details' : 'unseen'}>
                {t.conversation.via(<span class="via">{message.via}</span>)}
              </span>
            )}
          </p>
          <div class="content">
            {message.replyTo !== undefined && (
              <Quote
                room={room}
                id={message.replyTo}
                onJump={() => jumpTo(room.name, message.replyTo ?? '')}
              />
            )}
            {gone ? (
              <p class="fate">{fateOf(message)}</p>
            ) : (
              <div class="said">
                <div class="body">
                  <Text text={text} mentions={message.mentions} />
                </div>
                {newestOwn && change === undefined && (
                  <span class="arrived">
                    <Icon name="check" label={t.conversation.sent} size={14} />
                  </span>
                )}
              </div>
            )}
            {!gone && message.edited !== undefined && (
              <p class="fate" title={momentOf(message.edited.at)}>
                {t.conversation.edited}
              </p>
            )}
            {change !== undefined && <ChangeState change={change} />}
            {!gone && <Reactions room={room} message={message} me={me} />}
            {own && <SeenBy message={message.id} direct={peerOf(room.name) !== undefined} />}
          </div>
          {!gone && <Toolbar room={room} message={message} own={own} />}
        </article>
      </li>
    )
  }
}

/** Whether a message of another user mentions the user, or a group to which every reader belongs. */
function isMentioned({ from, mentions = [] }: Message, me: string | undefined): boolean {
  return from.id !== me && mentions.some((id) => id === me || id === '@room' || id === '@here')
}

function fateOf({ from, deleted }: Message): string {
  return deleted?.by.id === from.id ? t.conversation.deleted : t.conversation.deletedByModerator
}

function titleOf({ at, via }: Message, isVia: boolean): string {
  return isVia ? t.conversation.whenAndVia(momentOf(at), via) : momentOf(at)
}

function Day({ at }: { at: string }): JSX.Element {
  return (
    <div class="separator">
      <time dateTime={at.slice(0, 10)}>{dayOf(at)}</time>
    </div>
  )
}

function ChangeState({ change }: { change: Pending }): JSX.Element {
  const isEdit = change.type === 'edit'
  if (change.status !== 'failed') {
    return <p class="fate">{isEdit ? t.conversation.saving : t.conversation.deleting}</p>
  }
  const problem = errorText(change.error)
  return (
    <p class="failed">
      {isEdit ? t.conversation.editFailed(problem) : t.conversation.deletionFailed(problem)}{' '}
      <button type="button" class="link-button" onClick={() => quietly(change.retry())}>
        {t.conversation.retry}
      </button>{' '}
      <button type="button" class="link-button" onClick={() => change.discard()}>
        {t.conversation.discard}
      </button>
    </p>
  )
}
