import type { Database } from '@rabble/database'
import { storable } from '../text/storable.ts'
import type { Subscription } from './push.ts'

type Reader = Pick<Database, 'query'>

/** Maximum number of browsers of a user. A new one takes the place of the one that was not used for longest. */
export const maxSubscriptions = 10
/** Time (days) after which a browser in which the user has not opened the page gets no more pushes. */
const lasting = 60
/** Number of refusals in a row after which a subscription ends. */
const maxRefusals = 5

/** Stores a subscription of a user, or confirms it. Another user who had it before loses it: a browser has one user. */
export async function saveSubscription(
  { query }: Reader,
  user: string,
  { endpoint, p256dh, auth }: Subscription,
): Promise<void> {
  // All parts of a statement see the table as it was before it, so the new row is not among those that are counted.
  await query(
    `with saved as (
       insert into history.push_subscriptions (user_id, endpoint, p256dh, auth) values ($1, $2, $3, $4)
       on conflict (endpoint) do update set user_id = excluded.user_id, p256dh = excluded.p256dh, auth = excluded.auth,
         created_at = case when push_subscriptions.user_id = excluded.user_id then push_subscriptions.created_at else now() end,
         confirmed_at = now(), refusals = 0
     )
     delete from history.push_subscriptions where user_id = $1 and endpoint in (
       select endpoint from history.push_subscriptions where user_id = $1 and endpoint <> $2
       order by confirmed_at desc, endpoint offset $5
     )`,
    [storable(user), endpoint, p256dh, auth, maxSubscriptions - 1],
  )
}

/** Ends a subscription of a user. That of another user, or none, is left as it is. */
export async function endSubscription({ query }: Reader, user: string, endpoint: string): Promise<void> {
  await query('delete from history.push_subscriptions where user_id = $1 and endpoint = $2', [
    storable(user),
    endpoint,
  ])
}

/** Ends all subscriptions of a user. */
export async function endSubscriptionsOf({ query }: Reader, user: string): Promise<void> {
  await query('delete from history.push_subscriptions where user_id = $1', [storable(user)])
}

/** Ends the subscriptions of browsers in which their user has not opened the page for a long time. */
export async function endUnconfirmed({ query }: Reader): Promise<void> {
  await query(
    `delete from history.push_subscriptions where confirmed_at < now() - $1::float8 * interval '1 day'`,
    [lasting],
  )
}

/** Answers of push services, by endpoint. */
export interface Answers {
  accepted: string[]
  /** The subscription has ended at the push service. */
  gone: string[]
  /** Refused for another reason, by a service that has accepted something else. */
  refused: string[]
}

/** Records the answers of push services, and ends subscriptions that no longer exist or are always refused. */
export async function recordAnswers({ query }: Reader, answers: Answers): Promise<void> {
  const { accepted, gone, refused } = answers
  if (gone.length > 0)
    await query('delete from history.push_subscriptions where endpoint = any($1::text[])', [gone])
  if (accepted.length > 0) {
    await query(
      'update history.push_subscriptions set accepted_at = now(), refusals = 0 where endpoint = any($1::text[])',
      [accepted],
    )
  }
  if (refused.length === 0) return
  await query(
    'update history.push_subscriptions set refusals = refusals + 1 where endpoint = any($1::text[])',
    [refused],
  )
  await query('delete from history.push_subscriptions where endpoint = any($1::text[]) and refusals >= $2', [
    refused,
    maxRefusals,
  ])
}
