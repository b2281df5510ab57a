import { DriverError } from '../../agent/model/index.js'
import type { Conversation } from './conversation.js'
import { columns } from './oids.js'
import type { Naming, Target } from './target.js'
import { counterOf, numberOf, textOf } from './values.js'

/** ifAdminStatus and ifOperStatus. RFC 2863 §6 */
export const UP = 1
export const DOWN = 2

/** One interface of a device, as it is now. */
export interface Port {
  readonly index: string
  readonly name: string
  readonly descr: string
  readonly alias: string
  /** ifType, by IANA's number: 6 is Ethernet. */
  readonly type: number
  /** Whether it is switched on. */
  readonly admin: 'up' | 'down' | 'testing'
  /** Whether it has a link: 1 up, 2 down, 3 testing, 4 unknown, 5 dormant, 6 not present, 7 lower layer down. */
  readonly oper: number
  /** Mbit/s; 0 where the device does not say. */
  readonly speed: number
  readonly inErrors: bigint
  readonly outErrors: bigint
  readonly inDiscards: bigint
  readonly outDiscards: bigint
}

const asked = [
  'descr',
  'type',
  'adminStatus',
  'operStatus',
  'inErrors',
  'outErrors',
  'inDiscards',
  'outDiscards'
] as const
const askedMore = ['name', 'highSpeed', 'alias'] as const

/** What tells one port from others, and its state. */
export type PortNow = Pick<Port, 'index' | 'name' | 'descr' | 'alias' | 'type' | 'admin' | 'oper'>

/** Every interface of the device. @throws DriverError `PROTOCOL` when it knows of none */
export async function readPorts(talk: Conversation): Promise<readonly Port[]> {
  const more = new Map<string, Pick<Port, 'name' | 'speed' | 'alias'>>()
  for await (const { index, cells } of talk.rows(askedMore.map(name => columns[name])))
    more.set(index, { name: textOf(cells[0]), speed: numberOf(cells[1]) ?? 0, alias: textOf(cells[2]) })
  const ports: Port[] = []
  for await (const { index, cells } of talk.rows(asked.map(name => columns[name]))) {
    const [descr, type, admin, oper, ...counts] = cells
    const [inErrors = 0n, outErrors = 0n, inDiscards = 0n, outDiscards = 0n] = counts.map(counterOf)
    ports.push({
      index,
      ...(more.get(index) ?? { name: '', speed: 0, alias: '' }),
      descr: textOf(descr),
      type: numberOf(type) ?? 0,
      admin: adminOf(numberOf(admin)),
      oper: numberOf(oper) ?? 4,
      inErrors,
      outErrors,
      inDiscards,
      outDiscards
    })
  }
  if (ports.length === 0) throw noInterfaces()
  return ports
}

/** Index of the port of that name. @throws DriverError `NO_SUCH_SESSION` when there is none; `REJECTED` when there are several */
export async function findPort(talk: Conversation, port: string, { portsBy }: Target): Promise<string> {
  if (portsBy === 'index') return port
  const found: string[] = []
  let any = false
  for await (const { index, cells } of talk.rows([columns[portsBy]])) {
    any = true
    if (textOf(cells[0]) === port) found.push(index)
  }
  if (!any) throw noInterfaces()
  const [index] = found
  if (index === undefined)
    throw new DriverError('NO_SUCH_SESSION', `The device has no port whose ${words[portsBy]} is "${port}".`)
  if (found.length > 1)
    throw new DriverError('REJECTED', `${found.length} ports of the device have the ${words[portsBy]} "${port}".`)
  return index
}

/** What a port is called, whichever way: for lists of uplinks. */
export function callings({ index, name, descr, alias }: Pick<Port, 'index' | 'name' | 'descr' | 'alias'>): string[] {
  return [index, name, descr, alias].filter(text => text !== '')
}

/** Name, kind and state of one port. @throws DriverError `NO_SUCH_SESSION` when it is not there */
export async function readPort(talk: Conversation, index: string): Promise<PortNow> {
  const cells = ['name', 'descr', 'alias', 'type', 'adminStatus', 'operStatus'] as const
  const [name, descr, alias, type, admin, oper] = await talk.get(cells.map(cell => `${columns[cell]}.${index}`))
  if (numberOf(admin) === undefined)
    throw new DriverError('NO_SUCH_SESSION', `The device has no port with the index ${index}.`)
  return {
    index,
    name: textOf(name),
    descr: textOf(descr),
    alias: textOf(alias),
    type: numberOf(type) ?? 0,
    admin: adminOf(numberOf(admin)),
    oper: numberOf(oper) ?? 4
  }
}

const words: Readonly<Record<Naming, string>> = { name: 'ifName', descr: 'ifDescr', alias: 'ifAlias', index: 'ifIndex' }

function adminOf(status: number | undefined): Port['admin'] {
  return status === DOWN ? 'down' : status === 3 ? 'testing' : 'up'
}

function noInterfaces(): DriverError {
  return new DriverError(
    'PROTOCOL',
    'The device answers SNMP and knows no interface: is it of the kind that its document says, and may our user or community see the branch 1.3.6.1.2.1?'
  )
}
