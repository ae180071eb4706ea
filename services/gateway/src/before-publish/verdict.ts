import {
  type BeforePublishAnswer,
  type EditEvent,
  isVisible,
  type Limits,
  type MessageEvent,
} from '@rabble/contract'
import { checkMeta } from '../messages/message.ts'
import { checkText, textOf } from '../messages/text.ts'
import { InvalidAnswerError } from './receiver.ts'

/** Maximum length (characters) of a reason. The rest is cut off. */
const longestReason = 500
const defaultReason = 'this message was refused'

/** Event of a user. Deletions are not asked about. */
export type Askable = MessageEvent | EditEvent

/** Decision on an event: the event to publish, or the reason for its refusal. */
export type Verdict =
  | { outcome: 'allowed' | 'changed'; event: Askable }
  | { outcome: 'refused'; reason: string }

/**
 * Applies an answer of the hook to the event. Texts and `meta` of the hook have the limits of those of users.
 * @throws InvalidAnswerError
 */
export function verdictOf(event: Askable, answer: BeforePublishAnswer, limits: Limits): Verdict {
  switch (answer.action) {
    case 'allow':
      return { outcome: 'allowed', event }
    case 'change':
      try {
        return { outcome: 'changed', event: changed(event, answer, limits) }
      } catch (cause) {
        throw new InvalidAnswerError((cause as Error).message, { cause })
      }
    case 'refuse':
      return { outcome: 'refused', reason: reasonOf(answer.reason) }
    default:
      return answer satisfies never
  }
}

function changed(
  event: Askable,
  { text, meta }: Extract<BeforePublishAnswer, { action: 'change' }>,
  limits: Limits,
): Askable {
  if (text !== undefined) checkText({ type: 'change', text }, limits)
  const next = text === undefined ? event : { ...event, text: textOf({ text }) }
  if (meta === undefined || next.type === 'edit') return next
  const { meta: _former, ...bare } = next
  if (meta === null) return bare
  checkMeta(meta)
  return { ...bare, meta }
}

function reasonOf(reason: unknown): string {
  if (typeof reason !== 'string' || !isVisible(reason)) return defaultReason
  return textOf({ text: [...reason].slice(0, longestReason).join('') })
}
