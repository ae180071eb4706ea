import { RabbleError, type RoomsReply } from '@rabble/contract'
import type { Database } from '@rabble/database'
import { type RoomRow, roomColumns, roomReplyOf } from './room-rows.ts'
import { searchOf } from './room-search.ts'

export interface RoomListQuery {
  /** Words, or parts of words, in the name or topic. */
  q?: string
  /** `next` of the previous page. */
  after?: string
  limit: number
  /** Order: by name in the order of code points, or by number of users, highest first. */
  sort: 'name' | 'users'
}

/** The reader of a list: its user id, if known, and whether it sees all rooms. */
export interface Viewer {
  user?: string
  all: boolean
}

/** Maximum number of matches that are found by the index over pieces and then sorted. With more, a page fills quickly. */
const few = 500
/** Maximum number of own invite-only rooms, and of invitations, that a user's lists include. */
const maxOwn = 1_000

type Row = RoomRow & { users: number }

/** Common parts of the statements below. Invite-only rooms are included for users who may enter them. */
interface Source {
  query: Database['query']
  /** Beginning of a statement. */
  with: string
  from: string
  /** Condition that holds for a matching row of `from`. */
  matches: string
  params: readonly unknown[]
  all: boolean
}

/**
 * Returns a page of rooms with their numbers of users. If sorted by users, a room that moves between two requests may be on
 * both pages or on neither.
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
  // Each way is slow where the other is fast, and the planner does not know which to choose.
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

/** Returns the invite-only rooms that a user may enter. */
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
 * Returns a query of visible rooms, to be sorted by name. It reads two sorted parts of an index instead of one condition, so
 * that invisible rooms cost nothing.
 */
function visible({ from, matches, all }: Source, condition: string, limit: number): string {
  const rooms = (seen: string) =>
    `select ${roomColumns} from ${from} rooms where ${seen} and ${condition} and ${matches}`
  // Mentions the parameter because PostgreSQL can't infer the type of an unused one.
  if (all) return rooms('$1::text[] is not null')
  const first = `order by name limit ${limit}`
  return `(${rooms("access = 'open'")} ${first})
    union all (${rooms("access = 'invite' and name = any($1::text[])")} ${first})`
}

/** Looked up for each row instead of joined, so that the counts of all other rooms are not read. */
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

/** Lists rooms with users first (at most as many rooms as users), then the others by name. */
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
 * Parses `next`: a name, preceded by the number of users if sorted by users.
 * @throws RabbleError `bad-frame`
 */
function placeOf(after: string, sort: RoomListQuery['sort']): { users: number; name: string } {
  const [, users, name = ''] = (sort === 'name' ? /^()(.*)$/su : /^(\d{1,9}):(.*)$/su).exec(after) ?? []
  // Not `isRoomName`: an earlier version may have allowed other names.
  if (name === '' || /[\p{Cc}\p{Cs}]/u.test(name))
    throw new RabbleError('bad-frame', 'after must be the next of the page before')
  return { users: Number(users), name }
}
