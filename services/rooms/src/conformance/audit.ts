import type { Test } from 'tap'
import type { AuditEntry } from '../api.ts'
import { ada, type MakeFixture } from './fixture.ts'

export function testAudit(t: Test, makeFixture: MakeFixture): void {
  t.test('what is to be remembered is kept in its order, with all of its fields', async (t) => {
    const { client, audited } = await makeFixture(t)
    const entries: AuditEntry[] = [
      { actor: { id: '', name: '' }, action: 'login.refused', detail: { code: 'name-taken' } },
      { actor: ada, action: 'publish', room: 'tea', user: 'bob', detail: { id: '1', way: 'http' } },
      { actor: ada, action: 'publish' },
    ]
    await client.audit(entries.slice(0, 2))
    await client.audit([])
    await client.audit(entries.slice(2))
    t.same(await audited(), entries)
  })

  t.test('more than 500 entries at once fail as a whole', async (t) => {
    const { client, audited } = await makeFixture(t)
    const entries = Array.from({ length: 501 }, () => ({ actor: ada, action: 'publish' }))
    await t.rejects(client.audit(entries))
    await client.audit(entries.slice(1))
    t.equal((await audited()).length, 500)
  })
}
