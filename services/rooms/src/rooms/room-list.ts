import { RabbleError, type RoomsReply } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { type RoomRow, roomColumns, roomReplyOf } from './room-rows.ts'
import { searchOf } from './room-search.ts'

export interface RoomListQuery {
  /** Words, or parts of words, that name and topic hold. */
  q?: string
  /** `next` of the page before. */
  after?: string
  limit: number
  /** By name, in the order of code points, or those with most users first. */
  sort: 'name' | 'users'
}

/** Who asks: the id of a user, if it is known, and whether all rooms are to be seen. */
export interface Viewer {
  user?: string
  all: boolean
}

/** Up to so many rooms that match are found by the index over pieces and sorted; of more, a page is soon full. */
const few = 500
/** Invite-only rooms that one user sees in lists. */
const maxOwn = 1_000

type Row = RoomRow & { users: number }

/** What the statements below have in common. Invite-only rooms are there for those who may enter. */
interface Source {
  query: Database['query']
  /** Begins a statement. */
  with: string
  from: string
  /** Holds for a row of it that matches. */
  matches: string
  params: readonly unknown[]
  all: boolean
}

/**
 * A page of rooms with the users in them. Sorted by users, a room that changes its place between two pages may be on both or
 * on none.
 */
export async function listRooms(
  { query }: Pick<Database, 'query'>,
  { q, after, limit, sort }: RoomListQuery,
  viewer: Viewer,
): Promise<RoomsReply> {
  const place = after === undefined ? undefined : placeOf(after, sort)
  const source = await sourceOf(query, q, viewer)
  const rows =
    sort === 'name'
      ? await byName(source, place?.name ?? '', limit + 1)
      : await byUsers(source, place, limit + 1)
  const rooms = rows.slice(0, limit).map((row) => roomReplyOf(row, row.users))
  const last = rooms.at(-1)
  if (rows.length <= limit || last === undefined) return { rooms }
  return { rooms, next: sort === 'name' ? last.name : `${last.count}:${last.name}` }
}

async function sourceOf(query: Database['query'], q: string | undefined, viewer: Viewer): Promise<Source> {
  const own = viewer.all || viewer.user === undefined ? [] : await invitedInto(query, viewer.user)
  const { words, pieces } = searchOf(q ?? '')
  const common = { query, all: viewer.all }
  if (words.length === 0) {
    return { ...common, with: '', from: 'rooms.rooms', matches: 'true', params: [own] }
  }
  const matches = 'not exists (select from unnest($2::text[]) word where strpos(folded, word) = 0)'
  const found = await query<{ count: number }>(
    `select count(*) from (
       select from rooms.rooms where rooms.pieces(folded) @> $1::text[] and ${matches} limit ${few + 1}
     ) matching`,
    [pieces, words],
  )
  // Either way would be slow where the other one is fast, and the planner doesn't know which.
  if ((found[0]?.count ?? 0) > few) {
    return { ...common, with: '', from: 'rooms.rooms', matches, params: [own, words] }
  }
  return {
    ...common,
    with: `with found as materialized (
      select ${roomColumns}, folded from rooms.rooms where rooms.pieces(folded) @> $3::text[]
    )`,
    from: 'found',
    matches,
    params: [own, words, pieces],
  }
}

/** Invite-only rooms that a user may enter. */
async function invitedInto(query: Database['query'], user: string): Promise<string[]> {
  const rows = await query<{ name: string }>(
    `select name from (
       (select name from rooms.rooms where created_by = $1 and access = 'invite' order by name limit ${maxOwn})
       union (select room from rooms.invitations where user_id = $1 order by room limit ${maxOwn})
     ) own where not exists (
       select from rooms.restrictions where kind = 'ban' and user_id = $1 and (room is null or room = name)
         and (expires_at is null or expires_at > now())
     )`,
    [user],
  )
  return rows.map(({ name }) => name)
}

/**
 * Rooms that may be seen, to be sorted by name. Two sorted pieces of an index rather than one condition, so that rooms that
 * can't be seen cost nothing.
 */
function visible({ from, matches, all }: Source, condition: string, limit: number): string {
  const rooms = (seen: string) =>
    `select ${roomColumns} from ${from} rooms where ${seen} and ${condition} and ${matches}`
  // Mentioned all the same: a parameter that isn't has no type.
  if (all) return rooms('$1::text[] is not null')
  const first = `order by name limit ${limit}`
  return `(${rooms("access = 'open'")} ${first})
    union all (${rooms("access = 'invite' and name = any($1::text[])")} ${first})`
}

/** Asked for each row, and not joined, so that the counts of all other rooms are left alone. */
function usersOf(name: string): string {
  return `coalesce((select users from rooms.presence where room = ${name}), 0)`
}

function byName(source: Source, after: string, limit: number, condition = 'true'): Promise<Row[]> {
  const params = [...source.params, after]
  return source.query<Row>(
    `${source.with} select page.*, ${usersOf('page.name')} as users
     from (${visible(source, `name > $${params.length} and ${condition}`, limit)} order by name limit ${limit}) page
     order by name`,
    params,
  )
}

/** First those with users, of which there are as many as users at most; then the others by name. */
async function byUsers(
  source: Source,
  after: { users: number; name: string } | undefined,
  limit: number,
): Promise<Row[]> {
  const { query, from, matches, all } = source
  const rows: Row[] = []
  if (after === undefined || after.users > 0) {
    const params = [...source.params, after?.users ?? 2 ** 31 - 1, after?.name ?? '']
    const [users, name] = [`$${params.length - 1}::int`, `$${params.length}`]
    const seen = all ? '$1::text[] is not null' : "(access = 'open' or name = any($1::text[]))"
    rows.push(
      ...(await query<Row>(
        `${source.with} select ${roomColumns}, users from rooms.presence join ${from} rooms on name = room
         where users > 0 and users <= ${users} and (users < ${users} or room > ${name}) and ${seen} and ${matches}
         order by users desc, room limit ${limit}`,
        params,
      )),
    )
  }
  if (rows.length === limit) return rows
  const first = after?.users === 0 ? after.name : ''
  return [...rows, ...(await byName(source, first, limit - rows.length, `${usersOf('name')} = 0`))]
}

/**
 * What `next` said: a name, behind the number of users if it is sorted by these.
 * @throws RabbleError `bad-frame`
 */
function placeOf(after: string, sort: RoomListQuery['sort']): { users: number; name: string } {
  const [, users, name = ''] = (sort === 'name' ? /^()(.*)$/su : /^(\d{1,9}):(.*)$/su).exec(after) ?? []
  // Not `isRoomName`: rooms may be there whose names were allowed by an earlier version.
  if (name === '' || /[\p{Cc}\p{Cs}]/u.test(name))
    throw new RabbleError('bad-frame', 'after must be what the page before gave as next')
  return { users: Number(users), name }
}
