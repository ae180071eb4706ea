// Gives the signed-in user a token for Rabble, with the Request and Response of the web platform: other frameworks (Hono, SvelteKit, Bun,
// Deno) register the same GET.
import { tokenOf } from '../../../lib/rabble.js'
import { userOf } from '../../../lib/session.js'

export async function GET(request) {
  const user = userOf(request)
  if (user === undefined) return new Response('sign in first', { status: 401 })
  return new Response(tokenOf(user), {
    headers: { 'content-type': 'text/plain', 'cache-control': 'no-store' },
  })
}
