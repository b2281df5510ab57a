import type { Clock, CounterSample } from '../../agent/model/index.js'
import type { Row } from './connection.js'
import type { Router } from './router.js'
import { isOurs } from './subject.js'

const interfaces = { properties: ['name', 'rx-byte', 'tx-byte'] }
const queues = { properties: ['name', 'comment', 'bytes'] }

/**
 * Counters of every interface (`interface:ether3`) and of every simple queue (`subscriber:<id>` where it is ours, else
 * `queue:<name>`), one after the other, however many. What an interface receives is what its subscriber sends; a
 * queue's octets are written upload/download.
 */
export async function* counters(router: Router, clock: Clock, signal: AbortSignal): AsyncGenerator<CounterSample> {
  for await (const row of router.stream('/interface', interfaces, signal)) {
    const sample = sampleOf(`interface:${row['name'] ?? ''}`, row['rx-byte'], row['tx-byte'], clock())
    if (sample !== undefined) yield sample
  }
  for await (const row of router.stream('/queue/simple', queues, signal)) {
    const [up, down] = (row['bytes'] ?? '').split('/')
    const sample = sampleOf(queueKey(row), up, down, clock())
    if (sample !== undefined) yield sample
  }
}

function queueKey({ name = '', comment = '' }: Row): string {
  return isOurs(comment) ? `subscriber:${comment.slice(comment.indexOf(':') + 1)}` : `queue:${name}`
}

/** undefined for what counts nothing: an interface that is off has no counters. */
function sampleOf(key: string, up = '', down = '', at: number): CounterSample | undefined {
  if (!/^\d{1,20}$/.test(up) || !/^\d{1,20}$/.test(down)) return undefined
  return { key, at, upOctets: BigInt(up), downOctets: BigInt(down) }
}
