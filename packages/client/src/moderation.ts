import type { User } from '@rabble/contract'
import type { Requester } from './requester.ts'

/** User of a kick, a ban or a mute, and its place. */
export interface Target {
  /** Id of the user. */
  user: string
  /** Default: everywhere. Owners give a room of theirs. */
  room?: string
  reason?: string
}

/** Ban or mute in force. */
export interface Sanction {
  id: number
  user: string
  room?: string
  reason: string
  by: User
  at: string
  /** End; undefined: it has none. */
  expiresAt?: string
}

/** Bans or mutes to list, and the position of a page. */
export interface ListSanctionsOptions {
  user?: string
  /** Required for an owner. */
  room?: string
  /** Number of results, 1 to 500. Default: 100. */
  limit?: number
  /** `id` of the last one of the page before. */
  after?: number
}

/** Recorded action. Its `detail` depends on the action. */
export interface AuditEntry {
  id: number
  at: string
  actor?: User
  action: string
  room?: string
  user?: string
  detail: Record<string, unknown>
}

/** Entries of the audit to list, and the position of a page. */
export interface AuditOptions {
  user?: string
  actor?: string
  room?: string
  action?: string
  /** Number of entries, 1 to 500. Default: 100. */
  limit?: number
  /** `id` of the last entry of the page before. */
  before?: number
}

/** Message that a user reported, as it was then. */
export interface Report {
  id: number
  room: string
  message: { id: string; from: User; text: string; at?: string }
  reason: string
  by: User
  at: string
  /** How moderators closed it; undefined: it is open. */
  closed?: { outcome: ReportOutcome; by: User; at: string }
}

/** Whether moderators acted on a report. */
export type ReportOutcome = 'acted' | 'dismissed'

/** Reports to list, and the position of a page. */
export interface ListReportsOptions {
  /** Default: open. */
  state?: 'open' | 'closed'
  room?: string
  /** Id of the author of the messages. */
  user?: string
  /** Number of reports, 1 to 200. Default: 50. */
  limit?: number
  /** `id` of the last report of the page before. */
  after?: number
}

type Kind = 'bans' | 'mutes'

function sanction(chat: Requester, kind: Kind, body: object): Promise<Sanction> {
  return chat.request(['api', 'moderation', kind], { method: 'POST', body })
}

function lift(chat: Requester, kind: Kind, id: number): Promise<void> {
  return chat.request(['api', 'moderation', kind, String(id)], { method: 'DELETE' })
}

/** Puts a user out, who may come back. @throws ChatError */
export function kickUser(chat: Requester, target: Target): Promise<void> {
  return chat.request(['api', 'moderation', 'kicks'], { method: 'POST', body: target })
}

/** Puts a user out, for a number of seconds or for good. Replaces an earlier ban in the same place. @throws ChatError */
export function banUser(chat: Requester, target: Target & { seconds?: number }): Promise<Sanction> {
  return sanction(chat, 'bans', target)
}

/** Forbids a user to write, for a number of seconds or for good. @throws ChatError */
export function muteUser(chat: Requester, target: Target & { seconds?: number }): Promise<Sanction> {
  return sanction(chat, 'mutes', target)
}

/** Lifts a ban. @throws ChatError `not-found` if it is not in force */
export function liftBan(chat: Requester, id: number): Promise<void> {
  return lift(chat, 'bans', id)
}

/** Lifts a mute. @throws ChatError `not-found` if it is not in force */
export function liftMute(chat: Requester, id: number): Promise<void> {
  return lift(chat, 'mutes', id)
}

/** Lists the bans in force, oldest first. @throws ChatError */
export function listBans(
  chat: Requester,
  options: ListSanctionsOptions = {},
): Promise<{ bans: Sanction[]; hasMore: boolean }> {
  return chat.request(['api', 'moderation', 'bans'], { query: options })
}

/** Lists the mutes in force, oldest first. @throws ChatError */
export function listMutes(
  chat: Requester,
  options: ListSanctionsOptions = {},
): Promise<{ mutes: Sanction[]; hasMore: boolean }> {
  return chat.request(['api', 'moderation', 'mutes'], { query: options })
}

/** Lists the recorded actions, newest first. For moderators. @throws ChatError */
export function listAudit(
  chat: Requester,
  options: AuditOptions = {},
): Promise<{ entries: AuditEntry[]; hasMore: boolean }> {
  return chat.request(['api', 'audit'], { query: options })
}

/**
 * Reports a message to the moderators. A second report of the same message is the first one.
 * @throws ChatError `not-found` if the message is gone, `rate-limited` while too many reports of this user are open
 */
export function reportMessage(
  chat: Requester,
  report: { room: string; message: string; reason?: string },
): Promise<{ id: number }> {
  return chat.request(['api', 'reports'], { method: 'POST', body: report })
}

/** Lists reports, oldest first. For moderators. @throws ChatError */
export function listReports(
  chat: Requester,
  options: ListReportsOptions = {},
): Promise<{ reports: Report[]; hasMore: boolean }> {
  return chat.request(['api', 'reports'], { query: options })
}

/** Closes all open reports about the message of a report. For moderators. @throws ChatError `not-found` if it is closed */
export function closeReport(chat: Requester, id: number, outcome: ReportOutcome): Promise<void> {
  return chat.request(['api', 'reports', String(id)], { method: 'PATCH', body: { outcome } })
}
