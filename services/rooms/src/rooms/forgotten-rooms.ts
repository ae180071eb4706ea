import type { Database } from '@rabble/database'

/** Rooms that are looked at in one statement. */
const pageSize = 500

/**
 * Forgets rooms that appeared by themselves, were never given a setting, and have been empty for a day: they would
 * appear again just the same, and their names are remembered for the sake of their messages. A room that is empty for the first time is marked, and one that isn't any more loses the mark.
 * Rows that somebody else has locked are left for the next time, so that nobody waits in a circle.
 * @returns how many went
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
