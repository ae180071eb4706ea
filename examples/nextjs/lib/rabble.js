import { createHmac } from 'node:crypto'
import { createServerClient } from '@rabble/client/server'

export const url = process.env.RABBLE_URL ?? 'http://127.0.0.1:8080'

/** Seconds for which a token is valid. Chats ask for another one before. */
const lifetime = 600

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Returns a JSON Web Token, signed with the secret that Rabble has, too (HS256). */
export function tokenOf({ id: sub, name, roles = [] }) {
  const exp = Math.floor(Date.now() / 1000) + lifetime
  const content = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub, name, roles, aud: 'rabble', exp })}`
  return `${content}.${createHmac('sha256', process.env.RABBLE_SECRET).update(content).digest('base64url')}`
}

/** Publishes as the application itself, without a connection. */
export const rabble = createServerClient({
  url,
  getToken: () => tokenOf({ id: 'shop', name: 'Shop', roles: ['service'] }),
})
