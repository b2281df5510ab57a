import type { Clock, CounterSample } from '../../agent/model/index.js'
import type { Boot } from './boot.js'
import type { Conversation } from './conversation.js'
import { columns, system } from './oids.js'
import type { Row } from './rows.js'
import type { Naming } from './target.js'
import { counterOf, numberOf, textOf } from './values.js'

/** A port's counters. `bits` is how wide they are: 32 where the device has no others, and they wrap. */
export interface PortSample extends CounterSample {
  readonly bits: 32 | 64
}

const namingColumns: Readonly<Record<Naming, string>> = {
  name: columns.name,
  descr: columns.descr,
  alias: columns.alias,
  index: columns.operStatus
}

/** The key of a port's sample. */
export function portKey(port: string): string {
  return `interface:${port}`
}

/**
 * Counters of every port (`interface:<port>`, as the device's documents call it), by GETBULK, one after the other. What a
 * port receives is what its subscriber sends. 64 bits where the device has them; ports without come last, with 32.
 */
export async function* counters(
  talk: Conversation,
  naming: Naming,
  boot: Boot,
  clock: Clock
): AsyncGenerator<PortSample> {
  const [upTime, hostUpTime] = await talk.get([system.upTime, system.hostUpTime])
  const hundredths = numberOf(hostUpTime) ?? numberOf(upTime)
  const bootId = hundredths === undefined ? undefined : boot.idOf(hundredths, clock())
  const done = new Set<string>()
  let lacking = 0
  for await (const row of talk.rows([namingColumns[naming], columns.hcInOctets, columns.hcOutOctets])) {
    const sample = sampleOf(row, naming, 64, bootId, clock())
    if (sample === undefined) lacking++
    else {
      done.add(row.index)
      yield sample
    }
  }
  if (done.size > 0 && lacking === 0) return
  for await (const row of talk.rows([namingColumns[naming], columns.inOctets, columns.outOctets])) {
    if (done.has(row.index)) continue
    const sample = sampleOf(row, naming, 32, bootId, clock())
    if (sample !== undefined) yield sample
  }
}

function sampleOf(
  { index, cells: [named, received, sent] }: Row,
  naming: Naming,
  bits: 32 | 64,
  bootId: string | undefined,
  at: number
): PortSample | undefined {
  const [upOctets, downOctets] = [counterOf(received), counterOf(sent)]
  const port = naming === 'index' ? index : textOf(named)
  if (upOctets === undefined || downOctets === undefined || port === '') return undefined
  return { key: portKey(port), at, upOctets, downOctets, bits, ...(bootId !== undefined && { bootId }) }
}
