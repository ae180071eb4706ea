import { Type } from '@rabble/contract/typebox'

/** Returns the rule that the URL of a webhook breaks, or undefined. */
function brokenByWebhookUrl(url: string): string | undefined {
  if (!URL.canParse(url)) return 'must be a valid URL'
  const { username, password } = new URL(url)
  return username === '' && password === '' ? undefined : 'must have no user and no password'
}

/** Returns the rule that the secret of a webhook breaks, or undefined. It may be several, separated by spaces. */
export function brokenByWebhookSecret(secret: string): string | undefined {
  const isKey = (one: string) => {
    const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(one) ?? []
    const { length } = Buffer.from(base64 ?? '', 'base64')
    return length >= 24 && length <= 64
  }
  return secret.split(' ').every(isKey) ? undefined : 'must be whsec_ and the Base64 of 24 to 64 bytes'
}

/** Settings of the webhook of history; see docs/protocol/webhooks.md. */
export const webhookSettings = {
  RABBLE_WEBHOOK_URL: {
    schema: Type.String({ pattern: /^https?:\/\// }),
    broken: brokenByWebhookUrl,
    about:
      'Where history sends the events of the log ([webhooks](protocol/webhooks.md)), such as `https://bot.example/rabble`. Needs `RABBLE_WEBHOOK_SECRET`. Default: nowhere.',
  },
  RABBLE_WEBHOOK_SECRET: {
    schema: Type.String(),
    broken: brokenByWebhookSecret,
    about:
      'Key that signs the requests of the webhook: `whsec_` and the Base64 of 24 to 64 random bytes. Several, separated by spaces, sign all of them.',
  },
  RABBLE_WEBHOOK_EVENTS: {
    schema: Type.String({ pattern: /^(rooms|direct|notices)(,(rooms|direct|notices))*$/ }),
    default: 'rooms',
    about:
      'Events that the webhook gets, separated by commas: `rooms`: of all rooms, also those for invited users; `direct`: direct messages; `notices`: those to one user or to everybody.',
  },
  RABBLE_WEBHOOK_START: {
    schema: Type.Enum(['newest', 'oldest']),
    default: 'newest',
    about:
      'Where a webhook begins when it is configured for the first time. `newest`: with what comes then; `oldest`: with all that the log still has.',
  },
} as const

/** Settings of the hook that gateways ask before they publish; see docs/protocol/before-publish.md. */
export const beforePublishSettings = {
  RABBLE_BEFORE_PUBLISH_URL: {
    schema: Type.String({ pattern: /^https?:\/\// }),
    broken: brokenByWebhookUrl,
    about:
      'URL of a program of yours that gateways ask before they publish a message or an edit of a user; it may change or refuse it. Needs `RABBLE_BEFORE_PUBLISH_SECRET`. Default: nothing is asked.',
  },
  RABBLE_BEFORE_PUBLISH_SECRET: {
    schema: Type.String(),
    broken: brokenByWebhookSecret,
    about:
      'Key with which gateways sign these questions: `whsec_` and the Base64 of 24 to 64 random bytes. Several, separated by spaces, sign all of them.',
  },
  RABBLE_BEFORE_PUBLISH_TIMEOUT_MS: {
    schema: Type.Integer({ minimum: 10, maximum: 5_000 }),
    default: 1_000,
    about: 'Time limit of its answer. Before that, a message waits at most as long for its turn.',
  },
  RABBLE_BEFORE_PUBLISH_POLICY: {
    schema: Type.Enum(['refuse', 'allow']),
    default: 'refuse',
    about:
      'Fate of a message if there is no valid answer in time. `refuse`: the sender gets `unavailable`, and may try again; `allow`: it is published as it is.',
  },
} as const
