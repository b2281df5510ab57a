import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type LevelLedger, openLedger } from '../agent/ledger/index.js'
import { AddressLeases } from '../agent/pool/index.js'
import { Quotas } from '../agent/quota/index.js'
import { Sessions, type SessionSettings, Tickets } from '../agent/sessions/index.js'
import { Commands, LearntMacs, NasTable, Replica, SealedCodec } from '../agent/subscribers/index.js'
import { sealKeys } from '../config/index.js'
import type { Base } from './base.js'

const SWEEP_EVERY = 10_000
const CHECKPOINT_EVERY = 5_000
const LEASE_PATIENCE = 900_000
const DAY = 86_400_000
const TABLE = 'agent'

/** What the agent knows: the ledger, and what is kept in it. */
export interface State {
  readonly ledger: LevelLedger
  readonly replica: Replica
  readonly commands: Commands
  readonly nases: NasTable
  readonly tickets: Tickets
  readonly sessions: Sessions
  readonly learnt: LearntMacs
  readonly quotas: Quotas
  readonly pools: AddressLeases
}

/** Opens the ledger, and brings back what it holds. @throws LedgerError, SubscribersError (`SUBSCRIBERS_SEAL_KEY`) */
export async function openState(base: Base): Promise<State> {
  const { config, clock, log, closers } = base
  const ledger = await openTheLedger(base)
  const replica = await Replica.open(ledger, { log, clock, codec: sealing(base) })
  const tickets = new Tickets(await ticketKey(ledger))
  const sessions = await Sessions.open({ ledger, clock, log, tickets, settings: sessionSettings(base, replica) })
  closers.add(() => sessions.close())
  closers.every(CHECKPOINT_EVERY, () => sessions.checkpoint())
  closers.every(SWEEP_EVERY, () => sessions.sweep(clock()))
  const quotas = await Quotas.open({ ledger, documents: replica, clock, log })
  closers.add(() => quotas.close())
  const patience = Math.max(LEASE_PATIENCE, 3000 * config.policy.interimInterval)
  const pools = await AddressLeases.open({ ledger, pools: config.pools, sessions, clock, log, patience })
  closers.add(() => pools.close())
  closers.every(SWEEP_EVERY, () => pools.sweep())
  return {
    ledger,
    replica,
    commands: await Commands.open(ledger, clock, { log }),
    nases: new NasTable(config.nas, replica),
    tickets,
    sessions,
    learnt: await LearntMacs.open(ledger, replica, log),
    quotas,
    pools
  }
}

async function openTheLedger({ config, clock, log, closers }: Base): Promise<LevelLedger> {
  const ledger = await openLedger({
    directory: join(config.data, 'ledger'),
    log,
    clock,
    budgetOctets: config.ledger.diskBudget,
    retention: { days: config.ledger.retention / DAY, heldBy: config.cloud === undefined ? [] : ['uplink'] },
    onLowSpace: use => log.error(use, 'the disk of the ledger runs low: make room, or usage will not be acknowledged')
  })
  closers.add(() => ledger.close())
  return ledger
}

function sealing({ config, secrets, log }: Base): SealedCodec {
  const { key, previous, from, made } = sealKeys(config, secrets)
  const codec = new SealedCodec(key, { previous, from, discardUnreadable: config.sealing.discardUnreadable })
  if (made) log.warn({ file: from }, 'a key that seals documents was made: keep a copy of this file in a safe place')
  log.info({ from, keyId: codec.keyId }, 'documents are sealed')
  return codec
}

/** The key that signs session tickets: made once, kept with the ledger, so that tickets outlive a restart. */
async function ticketKey(ledger: LevelLedger): Promise<Buffer> {
  const known = await ledger.get(TABLE, 'ticket-key')
  if (known !== undefined) return known
  const value = randomBytes(32)
  await ledger.write([{ table: TABLE, key: 'ticket-key', value }])
  return value
}

function sessionSettings({ config }: Base, replica: Replica): Partial<SessionSettings> {
  const { policy, sessions } = config
  return {
    interimInterval: policy.interimInterval,
    intervalOf: profile => replica.profile(profile)?.interimInterval,
    missed: sessions.staleAfterMissed,
    grace: sessions.closeAfter / 1000
  }
}
