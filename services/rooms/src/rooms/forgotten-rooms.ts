import type { Database } from '@rabble/database'

/** Maximum number of rooms checked in one statement. */
const pageSize = 500

/**
 * Deletes rooms that appeared without being created, never had a setting changed, and have been empty for a day. They would
 * appear again unchanged. Their names are remembered because of their messages. A room found empty for the first time is
 * marked; a marked room that is used again loses the mark. Rows that are locked by others are skipped until the next round,
 * which avoids deadlocks.
 * @returns the number of deleted rooms
 */
export async function forgetRooms({ query }: Pick<Database, 'query'>, limit = pageSize): Promise<number> {
  let forgotten = 0
  let after: string | null = ''
  while (after !== null) {
    const rows: { last: string | null; forgotten: number }[] = await query(
      `with page as (
         select name, empty_since,
           exists (select from rooms.presence where room = name and users > 0)
             or exists (select from rooms.seats where room = name) as used
         from rooms.rooms
         where created_by is null and access = 'open' and name > $1 order by name limit $2 for update skip locked
       ), marked as (
         update rooms.rooms set empty_since = case when page.used then null else now() end
         from page where rooms.name = page.name and page.used = (page.empty_since is not null)
       ), deleted as (
         delete from rooms.rooms using page
         where rooms.name = page.name and not page.used and page.empty_since < now() - interval '1 day'
         returning rooms.name
       ), remembered as (
         insert into rooms.former (name) select name from deleted order by name
         on conflict (name) do update set since = now()
       ) select (select max(name) from page) as last, (select count(*) from deleted) as forgotten`,
      [after, limit],
    )
    after = rows[0]?.last ?? null
    forgotten += rows[0]?.forgotten ?? 0
  }
  return forgotten
}
