import type { SnmpSimulator } from './simulator.js'

/** A port of the simulated switch. */
export interface SwitchPort {
  readonly index: number
  readonly name: string
  readonly alias?: string
  /** Octets that it received and sent. */
  readonly received: bigint
  readonly sent: bigint
  /** Counters of 32 bits only. Default 64. */
  readonly bits?: 32 | 64
  readonly admin?: 1 | 2
  /** IANAifType. Default 6, Ethernet. */
  readonly type?: number
}

/** A device that calls itself so. */
export function furnishSystem({ mib }: SnmpSimulator, name: string, upTime: number, descr = 'Simulated switch'): void {
  mib.put('1.3.6.1.2.1.1.1.0', { type: 'text', value: descr })
  mib.put('1.3.6.1.2.1.1.2.0', { type: 'objectId', value: '1.3.6.1.4.1.99999.1' })
  mib.put('1.3.6.1.2.1.1.3.0', { type: 'timeticks', value: upTime })
  mib.put('1.3.6.1.2.1.1.5.0', { type: 'text', value: name })
}

/** Adds a port with its rows in ifTable and ifXTable, or changes it. RFC 2863 */
export function furnishPort({ mib, writable }: SnmpSimulator, port: SwitchPort): void {
  const { index, name, alias = '', received, sent, bits = 64, admin = 1, type = 6 } = port
  const cell = (column: number): string => `1.3.6.1.2.1.2.2.1.${column}.${index}`
  const more = (column: number): string => `1.3.6.1.2.1.31.1.1.1.${column}.${index}`
  mib.put(cell(2), { type: 'text', value: `Port ${index}` })
  mib.put(cell(3), { type: 'integer', value: type })
  mib.put(cell(7), { type: 'integer', value: admin })
  mib.put(cell(8), { type: 'integer', value: admin })
  mib.put(cell(10), { type: 'counter32', value: received % 2n ** 32n })
  for (const column of [13, 14, 19, 20]) mib.put(cell(column), { type: 'counter32', value: index * 100 + column })
  mib.put(cell(16), { type: 'counter32', value: sent % 2n ** 32n })
  mib.put(more(1), { type: 'text', value: name })
  mib.put(more(15), { type: 'gauge32', value: 1000 })
  mib.put(more(18), { type: 'text', value: alias })
  if (bits === 64) {
    mib.put(more(6), { type: 'counter64', value: received })
    mib.put(more(10), { type: 'counter64', value: sent })
  }
  writable.add(cell(7))
}

/** A MAC address learnt behind a port; the bridge numbers its ports as the interfaces are. RFC 4188 §4 */
export function furnishMac({ mib }: SnmpSimulator, index: number, mac: readonly number[]): void {
  mib.put(`1.3.6.1.2.1.17.1.4.1.2.${index}`, { type: 'integer', value: index })
  mib.put(`1.3.6.1.2.1.17.4.3.1.2.${mac.join('.')}`, { type: 'integer', value: index })
}

/** A VLAN and the bridge ports that are in it. RFC 4363 §5 */
export function furnishVlan(
  { mib }: SnmpSimulator,
  vlan: number,
  egress: readonly number[],
  untagged: readonly number[]
): void {
  mib.put(`1.3.6.1.2.1.17.7.1.4.2.1.4.0.${vlan}`, { type: 'text', value: bitmap(egress) })
  mib.put(`1.3.6.1.2.1.17.7.1.4.2.1.5.0.${vlan}`, { type: 'text', value: bitmap(untagged) })
}

/** A switch that announces itself behind a port. IEEE 802.1AB §11 */
export function furnishNeighbour({ mib }: SnmpSimulator, index: number, port: string, name: string): void {
  mib.put(`1.0.8802.1.1.2.1.3.7.1.3.${index}`, { type: 'text', value: port })
  mib.put(`1.0.8802.1.1.2.1.4.1.1.9.0.${index}.1`, { type: 'text', value: name })
  mib.put(`1.0.8802.1.1.2.1.4.1.1.12.0.${index}.1`, { type: 'text', value: Buffer.from([0x20]) })
}

function bitmap(ports: readonly number[]): Buffer {
  const octets = Buffer.alloc(8)
  for (const port of ports) octets[(port - 1) >> 3] = (octets[(port - 1) >> 3] ?? 0) | (0x80 >> ((port - 1) & 7))
  return octets
}
