import t from 'tap'
import { isAllowedOrigin, parseOrigins } from '../src/origin.ts'

t.test('a page may connect from the host that serves the gateway, or from a listed origin', async (t) => {
  const listed = parseOrigins('https://chat.example, http://localhost:3000')
  const host = 'rabble.example:8080'
  for (const origin of [
    undefined,
    'http://rabble.example:8080',
    'https://chat.example',
    'http://localhost:3000',
  ]) {
    t.ok(isAllowedOrigin(origin, host, listed), String(origin))
  }
  for (const origin of [
    'http://rabble.example',
    'http://evil.example',
    'https://chat.example.evil.example',
    'http://chat.example',
    'null',
    '',
    'rabble.example:8080',
  ]) {
    t.notOk(isAllowedOrigin(origin, host, listed), origin)
  }
  t.notOk(isAllowedOrigin('http://x', undefined, listed))
})

t.test('an entry that is no origin is told', async (t) => {
  t.throws(
    () => parseOrigins('https://chat.example/'),
    /RABBLE_ALLOWED_ORIGINS .* holds https:\/\/chat.example\//,
  )
  t.throws(() => parseOrigins('*'), /RABBLE_ALLOWED_ORIGINS/)
  t.equal(parseOrigins('').size, 0)
})
