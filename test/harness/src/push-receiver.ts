import {
  createDecipheriv,
  createECDH,
  createPublicKey,
  type ECDH,
  hkdfSync,
  randomBytes,
  verify,
} from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from './test-context.ts'

/** A subscription as browsers give it to their page. */
export interface BrowserSubscription {
  endpoint: string
  keys: { p256dh: string; auth: string }
}

/** A push as a browser gets it from the push service. */
export interface ReceivedPush {
  endpoint: string
  headers: IncomingHttpHeaders
  payload: { kind: string; room: string; peer?: string; from: string; id: string; text: string }
  /** Claims of the token with which the server shows who it is. */
  vapid: { aud: string; exp: number; sub: string }
}

export interface PushReceiver {
  /** Host and port, for RABBLE_PUSH_HOSTS. */
  readonly host: string
  /** All pushes, also those that were refused. */
  readonly received: ReceivedPush[]
  /** Returns the texts of the pushes that were accepted, in order. */
  texts(): string[]
  /** Makes a browser with keys of its own. */
  subscribe(): BrowserSubscription
  /** Answers each push. Default: with 201. */
  answer: (response: ServerResponse, push: ReceivedPush) => void
}

interface Browser {
  pair: ECDH
  auth: Buffer
}

/** Pair of keys of VAPID, as the settings have it. */
export function vapidKeys(): { publicKey: string; privateKey: string } {
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  return {
    publicKey: pair.getPublicKey('base64url'),
    // Without leading zeros it may be shorter.
    privateKey: Buffer.from(pair.getPrivateKey('hex').padStart(64, '0'), 'hex').toString('base64url'),
  }
}

/**
 * Starts a push service with its browsers. It takes pushes as the real ones do (RFC 8030): signed with the key of the subscription
 * (RFC 8292) and encrypted for the browser (RFC 8291), which it decrypts by itself. It answers others with status 400.
 */
export async function startPushReceiver(t: TestContext, publicKey: string): Promise<PushReceiver> {
  const browsers = new Map<string, Browser>()
  const accepted: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { headers, url = '' } = request
    const endpoint = `http://${receiver.host}${url}`
    const browser = browsers.get(endpoint)
    let push: ReceivedPush
    try {
      if (browser === undefined || request.method !== 'POST') throw new Error('no such browser')
      if (headers['content-encoding'] !== 'aes128gcm') throw new Error('wrong encoding')
      const payload = JSON.parse(decrypted(Buffer.concat(chunks), browser))
      push = { endpoint, headers, payload, vapid: vapidOf(headers.authorization, publicKey) }
    } catch (error) {
      response.writeHead(400).end(String(error))
      return
    }
    receiver.received.push(push)
    receiver.answer(response, push)
    if (response.headersSent && response.statusCode < 300) accepted.push(push.payload.text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  const receiver: PushReceiver = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    texts: () => accepted,
    subscribe() {
      const pair = createECDH('prime256v1')
      const p256dh = pair.generateKeys('base64url')
      const auth = randomBytes(16)
      const endpoint = `http://${receiver.host}/push/${randomBytes(12).toString('base64url')}`
      browsers.set(endpoint, { pair, auth })
      return { endpoint, keys: { p256dh, auth: auth.toString('base64url') } }
    },
    answer: (response) => void response.writeHead(201).end(),
  }
  return receiver
}

/** Decrypts the body of a push: RFC 8291 (keys) and RFC 8188 (one record of aes128gcm). */
function decrypted(body: Buffer, { pair, auth }: Browser): string {
  const salt = body.subarray(0, 16)
  const keyLength = body.readUInt8(20)
  const sender = body.subarray(21, 21 + keyLength)
  const sealed = body.subarray(21 + keyLength)
  const about = Buffer.concat([Buffer.from('WebPush: info\0'), pair.getPublicKey(), sender])
  const secret = Buffer.from(hkdfSync('sha256', pair.computeSecret(sender), auth, about, 32))
  const part = (name: string, length: number) =>
    Buffer.from(hkdfSync('sha256', secret, salt, Buffer.from(`Content-Encoding: ${name}\0`), length))
  const decipher = createDecipheriv('aes-128-gcm', part('aes128gcm', 16), part('nonce', 12))
  decipher.setAuthTag(sealed.subarray(-16))
  const record = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
  // The last record ends with 2 and zeros.
  return record.subarray(0, record.lastIndexOf(2)).toString()
}

/** Returns the claims of the token in `Authorization: vapid t=…, k=…`. @throws Error if it is not signed with this key */
function vapidOf(authorization: string | undefined, publicKey: string): ReceivedPush['vapid'] {
  const [, head = '', claims = '', signature = '', key] =
    /^vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), k=([\w-]+)$/.exec(authorization ?? '') ?? []
  if (key !== publicKey) throw new Error('another key')
  const point = Buffer.from(publicKey, 'base64url')
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
  const jwk = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' })
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: jwk, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  if (!isSigned) throw new Error('another signature')
  return JSON.parse(Buffer.from(claims, 'base64url').toString())
}
