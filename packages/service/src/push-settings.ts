import { Type } from '@rabble/contract/typebox'

/** Returns the rule that a public key of VAPID breaks, or undefined: a point of P-256, uncompressed (RFC 8292). */
function brokenByPublicKey(key: string): string | undefined {
  const bytes = bytesOf(key)
  return bytes?.length === 65 && bytes[0] === 4
    ? undefined
    : 'must be the base64url of 65 bytes, as make vapid-keys prints it'
}

function brokenByPrivateKey(key: string): string | undefined {
  return bytesOf(key)?.length === 32
    ? undefined
    : 'must be the base64url of 32 bytes, as make vapid-keys prints it'
}

function bytesOf(base64url: string): Buffer | undefined {
  return /^[A-Za-z0-9_-]+$/.test(base64url) ? Buffer.from(base64url, 'base64url') : undefined
}

/** Returns the rule that a list of hosts breaks, or undefined. */
function brokenByHosts(list: string): string | undefined {
  const isHost = (entry: string) => {
    const sample = entry.replace(/^\*\.(?=[a-z0-9])/, 'any.')
    if (sample.includes('*') || !URL.canParse(`https://${sample}`)) return false
    return new URL(`https://${sample}`).host === sample
  }
  return parseHosts(list).every(isHost)
    ? undefined
    : 'must be hosts such as push.example, *.push.example or 127.0.0.1:8090, separated by commas'
}

/** Returns the entries of a list of hosts. */
export function parseHosts(list: string): string[] {
  return list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

/** Settings of pushes to browsers; see docs/operations.md. */
export const pushSettings = {
  RABBLE_VAPID_PUBLIC_KEY: {
    schema: Type.String(),
    broken: brokenByPublicKey,
    about:
      'Public key of [notifications while the page is closed](#notifications-while-the-page-is-closed) (VAPID). `make vapid-keys` prints a pair. Needs `RABBLE_VAPID_PRIVATE_KEY` and `RABBLE_VAPID_SUBJECT`. Default: no such notifications.',
  },
  RABBLE_VAPID_PRIVATE_KEY: {
    schema: Type.String(),
    broken: brokenByPrivateKey,
    about: 'Private key of that pair.',
  },
  RABBLE_VAPID_SUBJECT: {
    schema: Type.String({ pattern: /^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/ }),
    about:
      'Where the push services of browsers reach you if your server causes trouble: `mailto:ops@chat.example` or a URL with `https`.',
  },
  RABBLE_PUSH_HOSTS: {
    schema: Type.String(),
    broken: brokenByHosts,
    default: '',
    about:
      'Hosts of push services besides those of Chrome, Edge, Firefox and Safari, separated by commas: `push.example`, `*.push.example`. For a test also a host of this machine, which may be reached by `http`: `127.0.0.1:8090`.',
  },
} as const
