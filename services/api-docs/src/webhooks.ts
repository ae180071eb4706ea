import { BeforePublishRequest, beforePublishAnswers, WebhookBody } from '@rabble/contract'
import { type Answer, type Operation, tagOf } from './operation.ts'
import { found, type Passage } from './pages.ts'
import { plain, type Schema } from './schemas.ts'

/** A request that Rabble sends to a program of the operator. */
export interface Webhook {
  post: Operation & {
    /** The setting that has the URL. */
    'x-setting': string
  }
}

/** Returns the requests that Rabble sends, which are described like routes of their receivers. */
export function webhooks(pages: readonly Passage[]): Record<string, Webhook> {
  const of = (name: string) => (heading: string) =>
    found(
      pages.find((passage) => passage.page === name && passage.heading === heading),
      `${name}: ${heading}`,
    )
  const webhook = of('Webhooks')
  const hook = of('The before-publish hook')
  return {
    events: webhookOf({
      operationId: 'receiveEvents',
      summary: 'Receive the events of the log',
      setting: 'RABBLE_WEBHOOK_URL',
      passages: ['Requests', 'Signature', 'Answers'].map(webhook),
      body: WebhookBody,
      answers: {
        '2XX': { description: 'The receiver has stored or handled the events. Its body is not used.' },
        default: { description: 'The same request is sent again.' },
      },
    }),
    beforePublish: webhookOf({
      operationId: 'checkEvent',
      summary: 'Check an event before it is published',
      setting: 'RABBLE_BEFORE_PUBLISH_URL',
      passages: ['Questions', 'Answers', 'No answer'].map(hook),
      body: BeforePublishRequest,
      answers: {
        200: {
          description: 'The event is published, changed or refused.',
          content: {
            'application/json': {
              schema: { anyOf: Object.values(beforePublishAnswers).map(plain) },
              example: hook('Answers').examples[0],
            },
          },
        },
        204: { description: 'The event is published as it is.' },
        default: { description: 'Counts as no answer: `RABBLE_BEFORE_PUBLISH_POLICY` decides.' },
      },
    }),
  }
}

/** Headers of Standard Webhooks 1.0, as `signWebhook` makes them. */
const headers: Record<string, Schema> = {
  'webhook-id': { type: 'string' },
  'webhook-timestamp': { type: 'integer' },
  'webhook-signature': { type: 'string', pattern: '^v1,[^ ]+( v1,[^ ]+)*$' },
}

function webhookOf(one: {
  operationId: string
  summary: string
  setting: string
  /** The first one has the example of the body. */
  passages: readonly Passage[]
  body: object
  answers: Record<string, Answer>
}): Webhook {
  const { operationId, summary, passages, answers: responses } = one
  const [first] = passages
  return {
    post: {
      operationId,
      summary,
      description: passages.map(({ text }) => text).join('\n\n'),
      tags: first === undefined ? [] : [tagOf(first)],
      security: [],
      'x-setting': one.setting,
      parameters: Object.entries(headers).map(([name, schema]) => ({
        name,
        in: 'header',
        required: true,
        description:
          found(
            passages.find(({ meanings }) => meanings.has(name)),
            name,
          ).meanings.get(name) ?? '',
        schema,
      })),
      requestBody: {
        required: true,
        content: { 'application/json': { schema: plain(one.body), example: first?.examples[0] } },
      },
      responses,
    },
  }
}
