import { openLedger } from '../../agent/ledger/index.js'
import { encodeUsage, RecordKind, type Entry } from '../../agent/model/index.js'

const GROUP = 1000
const DAY = 86_400_000
const SESSIONS = 5000
/** Attributes of an Accounting-Request as MikroTik sends it, about so many octets. */
const EVIDENCE = Buffer.alloc(300, 'Acct')

/**
 * Writes usage into a ledger that no agent uses, as a time without billing leaves it behind.
 * @param directory made when absent
 * @returns octets in all records, both directions
 */
export async function writeBacklog(directory: string, records: number): Promise<bigint> {
  const ledger = await openLedger({ directory, lowWaterOctets: 0 })
  const now = Date.now()
  let octets = 0n
  for (let from = 0; from < records; from += GROUP) {
    const entries = Array.from({ length: Math.min(GROUP, records - from) }, (_, index) => entry(from + index, now))
    for (const { upOctets, downOctets } of entries) octets += upOctets + downOctets
    await ledger.append(entries.map(({ entry }) => entry)).durable
  }
  await ledger.close()
  return octets
}

function entry(number: number, now: number): { entry: Entry; upOctets: bigint; downOctets: bigint } {
  const periodEnd = now - DAY + (number % DAY)
  const owner = number % SESSIONS
  const usage = {
    upOctets: BigInt(1_000 + (number % 1000)),
    downOctets: BigInt(1_000_000 + (number % 10_000))
  }
  const payload = encodeUsage({
    ...usage,
    cause: 'interim',
    flipped: false,
    replays: false,
    periodStart: periodEnd - 300_000,
    periodEnd,
    seconds: 300,
    sessionSeconds: 3600,
    totalUpOctets: usage.upOctets,
    totalDownOctets: usage.downOctets,
    upPackets: 900,
    downPackets: 1800,
    session: `01JD0000000000000000${String(owner).padStart(6, '0')}`,
    nas: 'bras-1',
    acctSessionId: `backlog-${owner}`,
    userName: `user${owner}`,
    subscriber: `sub_user${owner}`,
    profile: 'home-100',
    evidence: EVIDENCE
  })
  return { entry: { kind: RecordKind.usage, time: periodEnd, payload }, ...usage }
}
