import type { Logger } from 'pino'
import { Packet } from '../../protocols/radius/index.js'
import type { Ledger, LedgerRecord } from '../ledger/contract.js'
import { decodeUsage, RecordKind } from '../model/index.js'
import type { Accounting, UsageRecord } from '../model/index.js'
import { readAccounting, type TimeWindow } from './accounting.js'
import { totalDown, totalUp } from './advance.js'
import { decodeEntry } from './checkpoint-entry.js'
import { type Checkpoint, type CheckpointState, entriesTable, stateKey, stateTable } from './checkpoint.js'
import { closeSynthetically, fold, type SyntheticCause } from './fold.js'
import { Slot } from './slot.js'
import type { Table } from './table.js'
import type { Tickets } from './tickets.js'
import type { Unbilled } from './unbilled.js'

export interface RestoreOptions {
  readonly ledger: Ledger
  readonly log: Logger
  readonly tickets: Tickets | undefined
  readonly table: Table
  readonly checkpoint: Checkpoint
  readonly unbilled: Unbilled
  readonly window: TimeWindow
  readonly keepClosed: number
}

const synthetic: ReadonlySet<string> = new Set<SyntheticCause>(['replaced', 'nas-restart', 'silent'])
const FIRST: CheckpointState = { sequence: 0, stored: 0 }

/** Fills an empty table: the checkpoint first, then the ledger behind it, folded again as it was folded before. */
export async function restore(options: RestoreOptions): Promise<void> {
  const { ledger, log, table, checkpoint } = options
  const state = await readState(ledger)
  const loaded = await load(options)
  // A damaged entry must not make the next packet of its session bill everything again: the ledger still has it all.
  const whole = loaded === state.stored
  if (!whole)
    log.error({ stored: state.stored, loaded }, 'the session checkpoint is damaged: the whole ledger is replayed')
  checkpoint.resume({ sequence: whole ? state.sequence : 0, stored: loaded })
  for await (const part of ledger.read(whole ? state.sequence + 1 : 1)) {
    if ('lost' in part) {
      log.error({ lost: part.lost }, 'records are lost: their sessions go on from the next packet')
      continue
    }
    for (const record of part.records) replay(record, options)
    table.trim(options.keepClosed, ledger.durableHead, slot => checkpoint.forget(slot))
  }
}

async function readState(ledger: Ledger): Promise<CheckpointState> {
  const found = await ledger.get(stateTable, stateKey)
  return found === undefined ? FIRST : (JSON.parse(found.toString()) as CheckpointState)
}

async function load({ ledger, log, table, unbilled }: RestoreOptions): Promise<number> {
  let loaded = 0
  for await (const [id, value] of ledger.entries(entriesTable)) {
    try {
      const entry = decodeEntry(value, name => table.shared(name))
      const slot = new Slot(entry.session, entry.sequence, 0, 0)
      slot.interval = entry.interval
      unbilled.put(entry.session.id, entry.unbilled)
      slot.stored = true
      table.add(slot)
      loaded++
    } catch (error) {
      log.error({ err: error, session: id }, 'a checkpoint entry cannot be read')
    }
  }
  return loaded
}

function replay(record: LedgerRecord, options: RestoreOptions): void {
  if (
    record.kind !== RecordKind.usage &&
    record.kind !== RecordKind.sessionStarted &&
    record.kind !== RecordKind.sessionEnded
  )
    return
  try {
    const usage = decodeUsage(record.payload)
    const slot = options.table.get(usage.session)
    if (slot !== undefined && record.sequence <= slot.sequence) return
    if (usage.replays) replayPacket(record, usage, slot, options)
    else if (slot !== undefined) replayRest(record, usage, slot, options)
  } catch (error) {
    options.log.error({ err: error, sequence: record.sequence }, 'a session record cannot be replayed')
  }
}

function replayPacket(record: LedgerRecord, usage: UsageRecord, slot: Slot | undefined, options: RestoreOptions): void {
  const { table, checkpoint } = options
  const accounting = readAgain(record, usage, options)
  if (accounting === undefined) return
  if (slot === undefined) {
    const { session } = fold(undefined, table.economical(accounting), usage.session)
    const opened = new Slot(agreeing(session, usage), record.sequence, 0, 0)
    table.add(opened)
    checkpoint.note(opened)
    return
  }
  const { seconds } = slot.session
  table.put(slot, agreeing(fold(slot.session, accounting).session, usage))
  slot.learn(slot.session.seconds - seconds)
  slot.sequence = record.sequence
  checkpoint.note(slot)
}

/** Where records before this one are gone, the record itself knows the totals of the segments that ended in them. */
function agreeing(session: Slot['session'], usage: UsageRecord): Slot['session'] {
  const up = usage.totalUpOctets - totalUp(session)
  const down = usage.totalDownOctets - totalDown(session)
  if (up <= 0n && down <= 0n) return session
  return {
    ...session,
    earlierUp: up > 0n ? session.earlierUp + up : session.earlierUp,
    earlierDown: down > 0n ? session.earlierDown + down : session.earlierDown
  }
}

function replayRest(
  { kind, sequence }: LedgerRecord,
  { cause }: UsageRecord,
  slot: Slot,
  options: RestoreOptions
): void {
  slot.sequence = sequence
  options.checkpoint.note(slot)
  if (kind === RecordKind.sessionEnded && synthetic.has(cause) && slot.live) {
    options.table.put(slot, closeSynthetically(slot.session, cause as SyntheticCause).session)
  }
}

/** The packet as it was read then: what the replica said about the subscriber stands in the record. */
function readAgain(record: LedgerRecord, usage: UsageRecord, options: RestoreOptions): Accounting | undefined {
  const packet = Packet.fromAttributes(usage.evidence)
  if (typeof packet === 'string') return undefined
  const nas = { id: usage.nas, flipDirection: usage.flipped }
  const accounting = readAccounting(packet, nas, record.time, options.tickets, () => undefined, options.window)
  return accounting && { ...accounting, subscriber: usage.subscriber, profile: usage.profile }
}
