import type { PolicyChanges } from '../src/client.ts'
import type { RoomApi } from './room-api.ts'

/** Creates a copy of the policies, as a gateway keeps it. */
export function createCopy({ client }: Pick<RoomApi, 'client'>) {
  const entries = new Map<string, object>()
  let version = 0
  return {
    entries,
    async follow(): Promise<PolicyChanges[]> {
      const pages: PolicyChanges[] = []
      for (;;) {
        const page = await client.policies(version)
        pages.push(page)
        if (page.reset) entries.clear()
        for (const { key, policy } of page.changes) {
          if (policy === null) entries.delete(key)
          else entries.set(key, policy)
        }
        version = page.version
        if (!page.more) return pages
      }
    },
  }
}
