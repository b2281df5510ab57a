/*
 * What the ledger keeps: a kind, a time and a payload. The kind's number is on disk and never changes meaning.
 * Usage, started and ended carry the binary layout of usage.ts; the others carry UTF-8 JSON.
 * One record is one event at billing, so their sequence numbers are dense there too.
 */

/** Record kind as it stands on disk. */
export const RecordKind = {
  usage: 1,
  sessionStarted: 2,
  sessionEnded: 3,
  accessRejected: 4,
  quotaReached: 5,
  enforcement: 6,
  commandCompleted: 7,
  deviceState: 8,
  agentStatus: 9,
  ledgerLost: 10
} as const
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind]

/** The CloudEvents `type` of each kind. */
export const eventTypes: Readonly<Record<RecordKind, string>> = {
  1: 'turnpike.usage',
  2: 'turnpike.session.started',
  3: 'turnpike.session.ended',
  4: 'turnpike.access.rejected',
  5: 'turnpike.quota.reached',
  6: 'turnpike.enforcement',
  7: 'turnpike.command.completed',
  8: 'turnpike.device.state',
  9: 'turnpike.agent.status',
  10: 'turnpike.ledger.lost'
}

/** A record on its way into the ledger. */
export interface Entry {
  readonly kind: RecordKind
  /** When it was made, by the agent's clock. */
  readonly time: number
  readonly payload: Buffer
}

/** The JSON payloads. `subject` becomes the event's subject: a subscriber, NAS, device or command. */
export interface Notice {
  readonly subject?: string
  readonly [field: string]: unknown
}

/** An entry whose payload is JSON. */
export function noticeEntry(kind: RecordKind, time: number, notice: Notice): Entry {
  return { kind, time, payload: Buffer.from(JSON.stringify(notice)) }
}

/** Reads back what `noticeEntry` wrote. @throws SyntaxError when the payload is not JSON */
export function readNotice(payload: Buffer): Notice {
  return JSON.parse(payload.toString()) as Notice
}
