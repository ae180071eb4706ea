import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import Provider from 'oidc-provider'
import type { Test } from 'tap'

/** A client of the issuer: Rabble. */
export const client = { id: 'rabble', secret: 'a secret of the client that nobody else has' }

/** A real provider of OpenID Connect, whose users need no password. */
export interface Issuer {
  readonly url: string
  /** Without a form: id of the user who signs in next, or undefined for one who says no. */
  user: string | undefined
  /** Makes a code useless, as time would. */
  expire(code: string): Promise<void>
}

interface Context {
  oidc: {
    client: { clientId: string }
    session: { accountId: string }
    provider: { Grant: new (of: object) => { addOIDCScope(scope: string): void; save(): Promise<void> } }
  }
}

export interface IssuerOptions {
  /** Address to which browsers are sent back. */
  callback: string
  /** Claims of the users, by their ids. */
  users: Readonly<Record<string, object>>
  /** Whether people sign in by the form of the provider, which takes any password. Default: false, for tests without a browser. */
  form?: boolean
}

/** Starts the provider. It is stopped at teardown. */
export async function startIssuer(t: Test, port: number, options: IssuerOptions): Promise<Issuer> {
  const { form = false } = options
  const url = `http://127.0.0.1:${port}`
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const provider = new Provider(url, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        token_endpoint_auth_method: 'client_secret_post',
        redirect_uris: [options.callback],
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'key' }] },
    cookies: { keys: ['a key for the cookies of the issuer'] },
    pkce: { required: () => true },
    scopes: ['openid', 'profile', 'groups'],
    claims: { openid: ['sub'], profile: ['name'], groups: ['groups'] },
    features: { devInteractions: { enabled: form } },
    ...(!form && {
      interactions: { url: (_context: Context, { uid }: { uid: string }) => `/interaction/${uid}` },
    }),
    findAccount: (_context: Context, id: string) => ({
      accountId: id,
      claims: async () => ({ sub: id, ...options.users[id] }),
    }),
    // Nobody is asked for consent.
    async loadExistingGrant({ oidc }: Context) {
      const { clientId } = oidc.client
      const grant = new oidc.provider.Grant({ clientId, accountId: oidc.session.accountId })
      grant.addOIDCScope('openid profile groups')
      await grant.save()
      return grant
    },
  })
  const issuer: Issuer = {
    url,
    user: undefined,
    async expire(code) {
      await (await provider.AuthorizationCode.find(code))?.destroy()
    },
  }
  const answer = provider.callback()
  const server = createServer((request, response) => {
    if (form || !request.url?.startsWith('/interaction/')) return answer(request, response)
    const { user } = issuer
    const result = user === undefined ? { error: 'access_denied' } : { login: { accountId: user } }
    void provider.interactionFinished(request, response, result)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return issuer
}
