import t from 'tap'
import { accountId, rolesOf, userOf } from '../../src/sign-in/claims.ts'

t.test('the id of a person depends on the issuer and its sub, and is the id of a user', async (t) => {
  const id = accountId('https://login.example', 'ada')
  t.match(id, /^oidc-[\w-]{22}$/)
  t.equal(id, accountId('https://login.example', 'ada'))
  t.not(id, accountId('https://login.example', 'Ada'))
  t.not(id, accountId('https://other.example', 'ada'))
})

t.test('the name is the first claim that can be one', async (t) => {
  const nameOf = (claims: object) => userOf('https://login.example', 'ada', { ...claims }).name
  t.equal(nameOf({ name: ' Ada\u202e Lovelace\n', email: 'x@y.example' }), 'Ada Lovelace')
  t.equal(nameOf({ name: '', preferred_username: 'ada' }), 'ada')
  t.equal(nameOf({ name: 'Ѕystem', nickname: 7, email: 'ada@login.example' }), 'ada')
  t.equal([...nameOf({ name: '😀'.repeat(80) })].length, 64)
  t.match(nameOf({}), /^User [\w-]{6}$/)
})

t.test('only values that are mapped are roles', async (t) => {
  const roles = new Map([['admins', 'moderator']])
  const claims = { groups: ['admins', 'moderator', 7], 'https://x.example/roles': 'admins other' }
  t.same(rolesOf(claims, { rolesClaim: 'groups', roles }), ['moderator'])
  t.same(rolesOf(claims, { rolesClaim: 'https://x.example/roles', roles }), ['moderator'])
  t.same(rolesOf({ realm: { roles: ['admins'] } }, { rolesClaim: 'realm.roles', roles }), ['moderator'])
  for (const rolesClaim of ['none', 'groups.admins', '__proto__', 'groups.length']) {
    t.same(rolesOf(claims, { rolesClaim, roles }), [], rolesClaim)
  }
  t.same(rolesOf(claims, { roles }), [])
})
