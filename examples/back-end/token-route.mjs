// A route that gives the signed-in user a token for Rabble, with the Request and Response of the web platform. In Next.js save it as
// app/api/token/route.js; in others (Hono, SvelteKit, Bun, Deno) register GET. Pages pass to `connect`:
//   getToken: async () => (await fetch('/api/token')).text()
import { createHmac } from 'node:crypto'

/** Seconds for which a token is valid. The chat asks for another one before. */
const lifetime = 600

/** Returns the user of a request, or undefined. Ask the sessions of your application here, such as `auth()` of Auth.js. */
async function userOf(request) {
  const session = /(?:^|; )session=([^;]+)/.exec(request.headers.get('cookie') ?? '')?.[1]
  return sessions.get(session)
}

const sessions = new Map([['1f0c', { id: 'ada', name: 'Ada Lovelace', roles: [] }]])

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Signs claims with the secret that Rabble has, too (HS256). */
function sign(claims) {
  const content = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
  return `${content}.${createHmac('sha256', process.env.RABBLE_SECRET).update(content).digest('base64url')}`
}

export async function GET(request) {
  const user = await userOf(request)
  if (user === undefined) return new Response('sign in first', { status: 401 })
  const { id: sub, name, roles } = user
  const exp = Math.floor(Date.now() / 1000) + lifetime
  return new Response(sign({ sub, name, roles, aud: 'rabble', exp }), {
    headers: { 'content-type': 'text/plain', 'cache-control': 'no-store' },
  })
}
