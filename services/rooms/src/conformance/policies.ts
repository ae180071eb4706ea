import type { Test } from 'tap'
import type { Policy, PolicyChanges } from '../api.ts'
import { ada, eve, joe, type MakeFixture, type RoomsFixture } from './fixture.ts'

/** A copy of the policies, as a gateway keeps it. */
function copyOf({ client }: Pick<RoomsFixture, 'client'>) {
  const policies = new Map<string, Policy>()
  const copy = {
    version: 0,
    /** In the order of arrival. */
    all: () => [...policies.values()],
    /** Fetches what has changed. Returns the last answer. */
    async update(): Promise<PolicyChanges> {
      for (;;) {
        const answer = await client.policies(copy.version)
        if (answer.reset) policies.clear()
        for (const { key, policy } of answer.changes) {
          policies.delete(key)
          if (policy !== null) policies.set(key, policy)
        }
        copy.version = answer.version
        if (!answer.more) return answer
      }
    },
  }
  return copy
}

function policiesIn(changes: PolicyChanges['changes']): (Policy | null)[] {
  return changes.map(({ policy }) => policy)
}

/** Returns the latest version of which gateways were told. */
function toldOf({ signals }: Pick<RoomsFixture, 'signals'>): unknown {
  return signals.findLast(({ type }) => type === 'policy')?.version
}

export function testPolicies(t: Test, makeFixture: MakeFixture): void {
  t.test('a copy that begins with nothing gets all that holds, one that knows it nothing', async (t) => {
    const fixture = await makeFixture(t)
    const copy = copyOf(fixture)
    t.same(await copy.update(), { version: 0, reset: true, more: false, changes: [] })
    await fixture.createRoom('tea', { capacity: 2, single: true })
    await fixture.createRoom('board', { inviteOnly: true })
    await fixture.createRoom('plain', {})
    await fixture.restrict({ kind: 'ban', user: eve.id })
    await fixture.restrict({ kind: 'mute', user: joe.id, room: 'tea' })
    await copy.update()
    t.same(copy.all(), [
      { kind: 'room', room: 'tea', capacity: 2, single: true },
      { kind: 'room', room: 'board', inviteOnly: true },
      { kind: 'ban', user: eve.id },
      { kind: 'mute', user: joe.id, room: 'tea' },
    ])
    t.same(await copy.update(), { version: copy.version, reset: false, more: false, changes: [] })
  })

  t.test('each change has a higher version, which is signalled and told with renewals', async (t) => {
    const fixture = await makeFixture(t)
    const { client } = fixture
    await client.renew('g1', { fresh: true })
    await fixture.createRoom('tea', { capacity: 1 })
    const first = toldOf(fixture)
    t.match(await client.renew('g1', { fresh: false }), { policies: first })
    await fixture.restrict({ kind: 'ban', user: eve.id })
    const second = toldOf(fixture)
    t.ok(Number(second) > Number(first), `${second} after ${first}`)
    t.match(await client.renew('g1', { fresh: false }), { policies: second })
    const { changes, ...head } = await client.policies(Number(first))
    t.same(head, { version: second, reset: false, more: false })
    t.same(policiesIn(changes), [{ kind: 'ban', user: eve.id }])
  })

  t.test('what is lifted is told to copies that have it, and not to new ones', async (t) => {
    const fixture = await makeFixture(t)
    const lift = await fixture.restrict({ kind: 'ban', user: eve.id })
    await fixture.restrict({ kind: 'ban', user: joe.id })
    const copy = copyOf(fixture)
    await copy.update()
    await lift()
    t.same(policiesIn((await copy.update()).changes), [null])
    t.same(copy.all(), [{ kind: 'ban', user: joe.id }])
    t.same(policiesIn((await fixture.client.policies(0)).changes), [{ kind: 'ban', user: joe.id }])
  })

  t.test('changes come in the order of their versions, each key once', async (t) => {
    const fixture = await makeFixture(t)
    const lift = await fixture.restrict({ kind: 'ban', user: eve.id })
    const { version } = await fixture.client.policies(0)
    await fixture.restrict({ kind: 'ban', user: joe.id })
    await lift()
    const { changes } = await fixture.client.policies(version)
    t.same(policiesIn(changes), [{ kind: 'ban', user: joe.id }, null])
  })

  t.test('that somebody was kicked, or a room deleted, is told to copies and in resets', async (t) => {
    const fixture = await makeFixture(t)
    await fixture.createRoom('tea', { capacity: 1 })
    const copy = copyOf(fixture)
    await copy.update()
    await fixture.kick({ user: ada.id })
    await fixture.deleteRoom('tea')
    await copy.update()
    const fresh = copyOf(fixture)
    await fresh.update()
    const wanted = [
      { kind: 'kick', id: /./, user: ada.id, message: /./ },
      { kind: 'room', room: 'tea', deleted: true },
    ]
    for (const { all } of [copy, fresh]) t.match(all().slice(-2), wanted)
  })

  t.test('a copy that is too old, or of another service, is loaded anew', async (t) => {
    const fixture = await makeFixture(t)
    const { client } = fixture
    await fixture.restrict({ kind: 'ban', user: joe.id })
    const { version: old } = await client.policies(0)
    const lift = await fixture.restrict({ kind: 'ban', user: eve.id })
    await lift()
    const { version } = await client.policies(0)
    await fixture.forget()
    for (const since of [old, version + 1]) {
      const { changes, ...head } = await client.policies(since)
      t.same(head, { version, reset: true, more: false })
      t.same(policiesIn(changes), [{ kind: 'ban', user: joe.id }])
    }
    t.same(await client.policies(version), { version, reset: false, more: false, changes: [] })
  })
}
