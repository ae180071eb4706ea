import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ownSecret } from '../src/own-secret.ts'

t.test('a secret is made once, and only its owner can read it', async (t) => {
  const folder = t.testdir({})
  const secret = ownSecret(folder)
  t.match(secret, /^[\w-]{43}$/)
  t.equal(ownSecret(folder), secret)
  t.equal(statSync(join(folder, 'secret')).mode & 0o777, 0o600)
  t.strictSame(readdirSync(folder), ['secret'])
  t.not(ownSecret(t.testdir({ other: {} })), secret)
})

t.test('a file that holds no secret, or none that can be read, is told', async (t) => {
  const folder = t.testdir({})
  writeFileSync(join(folder, 'secret'), 'short\n')
  t.throws(() => ownSecret(folder), /secret holds no secret of 32 characters/)
  t.throws(() => ownSecret(t.testdir({ secret: {} })), /secret can't be read/)
  t.throws(() => ownSecret('/dev/null'), /secret/)
})
