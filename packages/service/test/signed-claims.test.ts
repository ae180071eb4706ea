import { createHmac } from 'node:crypto'
import { jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { createSignedClaims } from '../src/signed-claims.ts'
import { forge, secret } from './forge.ts'

const signed = createSignedClaims(secret)
const now = Date.parse('2026-11-22T10:00:00.000Z')
const checks = {
  audience: 'rabble',
  requiredClaims: ['sub', 'exp'],
  currentDate: new Date(now),
  clockTolerance: 5,
}
const claims = { sub: 'ada', name: 'Ada', aud: 'rabble', exp: now / 1000 + 60 }
const encode = (text: string) => Buffer.from(text).toString('base64url')

/** Signs any two texts with the secret, as nobody but its owner could. */
function sign(head: string, body: string, hash = 'sha256'): string {
  const content = `${head}.${body}`
  return `${content}.${createHmac(hash, secret).update(content).digest('base64url')}`
}

const head = encode('{"alg":"HS256"}')
const body = encode(JSON.stringify(claims))
const refuse = (t: Test, tokens: Record<string, string>) => {
  for (const [what, token] of Object.entries(tokens)) t.throws(() => signed.verify(token, checks), what)
}

t.test('tokens are those of jose, in both directions', async (t) => {
  const token = signed.sign(claims)
  const { payload, protectedHeader } = await jwtVerify(token, new TextEncoder().encode(secret), {
    ...checks,
    algorithms: ['HS256'],
  })
  t.strictSame(payload, claims)
  t.strictSame(protectedHeader, { alg: 'HS256' })
  t.match(signed.verify(await forge({}), { ...checks, currentDate: new Date() }), { sub: 'ada' })
  t.strictSame(signed.verify(token, checks), claims)
  t.strictSame(signed.verify(sign(head, body), checks), claims, 'the one that the refused ones are made of')
})

t.test('a token of another form is refused, whatever its signature', async (t) => {
  const token = signed.sign(claims)
  const [, , signature = ''] = token.split('.')
  refuse(t, {
    nothing: '',
    'two points': '..',
    'no signature': `${head}.${body}`,
    'an empty signature': `${head}.${body}.`,
    'a part too many': `${token}.`,
    'parts that are empty': sign('', ''),
    'an empty header': sign('', body),
    'an empty body': sign(head, ''),
    'a signature that ends early': token.slice(0, -1),
    'a signature that goes on': `${token}A`,
    padding: `${token}=`,
    'white space before it': ` ${token}`,
    'a line feed behind it': `${token}\n`,
    'the other base64': sign(head, `${body}+/`),
    'characters of no base64': sign(head, `${body}é`),
    'a point in a part': sign(`${head}.`, body),
    // The last character of a signature of 32 bytes has two bits that mean nothing.
    'another text for the same signature': `${head}.${body}.${twin(signature)}`,
  })
})

t.test('a token is refused if its header names no HS256, or an extension', async (t) => {
  refuse(t, {
    'no algorithm': sign(encode('{"alg":"none"}'), body),
    'no algorithm, unsigned': `${encode('{"alg":"none"}')}.${body}.`,
    'another algorithm': sign(encode('{"alg":"HS512"}'), body),
    'another algorithm, and signed by it': sign(encode('{"alg":"HS512"}'), body, 'sha512'),
    'an algorithm of public keys': sign(encode('{"alg":"RS256"}'), body),
    'small letters': sign(encode('{"alg":"hs256"}'), body),
    'a list with the algorithm': sign(encode('{"alg":["HS256"]}'), body),
    'nothing about it': sign(encode('{}'), body),
    'an extension': sign(encode('{"alg":"HS256","crit":["exp"],"exp":1}'), body),
    'an empty list of extensions': sign(encode('{"alg":"HS256","crit":[]}'), body),
    'a header that is a list': sign(encode('["HS256"]'), body),
    'a header that is no JSON': sign(encode('HS256'), body),
    'null as its header': sign(encode('null'), body),
  })
})

t.test('a token is refused if its claims are none, or not those that are asked for', async (t) => {
  const withClaims = (changed: object) => sign(head, encode(JSON.stringify({ ...claims, ...changed })))
  refuse(t, {
    'no JSON': sign(head, encode('{')),
    'a list': sign(head, encode('[]')),
    null: sign(head, encode('null')),
    'a text': sign(head, encode('"ada"')),
    'no subject': withClaims({ sub: undefined }),
    'another audience': withClaims({ aud: 'other' }),
    'audiences without this one': withClaims({ aud: ['other', 'Rabble'] }),
    'an audience that begins like this one': withClaims({ aud: 'rabble-internal' }),
    'an object as its audience': withClaims({ aud: { rabble: 'rabble' } }),
    'no audience': withClaims({ aud: undefined }),
    'no expiry': withClaims({ exp: undefined }),
    'an expiry as a text': withClaims({ exp: String(claims.exp) }),
    'an expiry that is null': withClaims({ exp: null }),
    'a beginning as a text': withClaims({ nbf: '0' }),
    'a time of signing as a text': withClaims({ iat: '0' }),
    expired: withClaims({ exp: now / 1000 - 5 }),
    'not valid yet': withClaims({ nbf: now / 1000 + 6 }),
  })
  const inherited = { ...checks, requiredClaims: ['toString'] }
  t.throws(() => signed.verify(withClaims({}), inherited), 'a claim that all objects inherit')
  for (const changed of [{ aud: ['other', 'rabble'] }, { exp: now / 1000 - 4 }, { nbf: now / 1000 + 5 }]) {
    t.match(signed.verify(withClaims(changed), checks), { sub: 'ada' }, JSON.stringify(changed))
  }
})

t.test('no part of a token can be changed, and another secret makes other tokens', async (t) => {
  const token = signed.sign(claims)
  for (let at = 0; at < token.length; at++) {
    const other = token[at] === 'A' ? 'B' : 'A'
    t.throws(() => signed.verify(`${token.slice(0, at)}${other}${token.slice(at + 1)}`, checks))
  }
  t.throws(() => signed.verify(createSignedClaims(`${secret}!`).sign(claims), checks))
})

t.test('tokens of a previous secret are valid, and none is signed with it', (t) => {
  const previous = `${secret} of before`
  const changed = createSignedClaims(secret, previous)
  for (const token of [signed.sign(claims), createSignedClaims(previous).sign(claims)]) {
    t.match(changed.verify(token, checks), { sub: 'ada' })
  }
  t.equal(changed.sign(claims), signed.sign(claims))
  t.throws(() => changed.verify(createSignedClaims(`${secret}!`).sign(claims), checks))
  t.throws(() => changed.verify('a.b.', checks))
  t.end()
})

/** Returns another text that decodes to the same bytes. */
function twin(signature: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const other = `${signature.slice(0, -1)}${alphabet[alphabet.indexOf(signature.slice(-1)) ^ 1]}`
  t.strictSame(Buffer.from(other, 'base64url'), Buffer.from(signature, 'base64url'))
  return other
}
