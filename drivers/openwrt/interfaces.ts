import { type Clock, type CounterSample, isRecord } from '../../agent/model/index.js'
import type { Caller, Reply } from './ubus.js'

/** A logical interface as netifd has it. */
export interface Interface {
  readonly name: string
  readonly up: boolean
  readonly proto: string
  /** The device that packets leave by: `pppoe-wan`, `br-lan`. */
  readonly device: string
  readonly ipv4: readonly string[]
  /** Why it is not up, in netifd's words: `AUTH_FAILED`. */
  readonly errors: readonly string[]
  readonly uptime: number
  /** Whether the default route goes there. */
  readonly uplink: boolean
}

/** All logical interfaces. */
export async function interfacesOf(ubus: Caller, signal: AbortSignal): Promise<Interface[]> {
  const { interface: list } = await ubus.call('network.interface', 'dump', {}, signal)
  return rows(list).map(readInterface)
}

/** Counters of every network device (`device:eth0`). On the side of the provider what is sent is the upload; elsewhere, what comes in. */
export async function* counters(ubus: Caller, clock: Clock, signal: AbortSignal): AsyncGenerator<CounterSample> {
  const uplinks = new Set((await interfacesOf(ubus, signal)).filter(({ uplink }) => uplink).map(({ device }) => device))
  const devices = await ubus.call('network.device', 'status', {}, signal)
  const at = clock()
  for (const [name, device] of Object.entries(devices)) {
    const statistics = isRecord(device) ? device['statistics'] : undefined
    if (!isRecord(statistics)) continue
    const [received, sent] = [octets(statistics['rx_bytes']), octets(statistics['tx_bytes'])]
    if (received === undefined || sent === undefined) continue
    const [upOctets, downOctets] = uplinks.has(name) ? [sent, received] : [received, sent]
    yield { key: `device:${name}`, at, upOctets, downOctets }
  }
}

/** An interface by what netifd says of it. */
export function readInterface(row: Reply): Interface {
  const text = (name: string) => (typeof row[name] === 'string' ? row[name] : '')
  const errors = rows(row['errors']).map(({ code, subsystem }) => `${String(subsystem)}: ${String(code)}`)
  const routed = rows(row['route']).some(({ target, mask }) => target === '0.0.0.0' && mask === 0)
  return {
    name: text('interface'),
    up: row['up'] === true,
    proto: text('proto'),
    device: text('l3_device') === '' ? text('device') : text('l3_device'),
    ipv4: rows(row['ipv4-address']).flatMap(({ address }) => (typeof address === 'string' ? [address] : [])),
    errors,
    uptime: typeof row['uptime'] === 'number' ? row['uptime'] : 0,
    uplink: routed || text('proto') === 'pppoe'
  }
}

/** A sentence on how an interface stands. */
export function sayInterface({ name, up, ipv4, errors, uptime }: Interface): string {
  if (up) return `${name} is up for ${uptime} s as ${ipv4.join(', ') || 'no IPv4 address'}.`
  return `${name} is not up${errors.length === 0 ? '' : ` (${errors.join('; ')})`}.`
}

function rows(value: unknown): Reply[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

function octets(value: unknown): bigint | undefined {
  return Number.isInteger(value) && Number(value) >= 0 ? BigInt(value as number) : undefined
}
