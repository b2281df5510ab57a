import {
  type Applied,
  type Clock,
  type Device,
  type Driver,
  DriverError,
  type Observation,
  type SubscriberRef,
  type Treatment
} from '../../agent/model/index.js'
import { Boot } from './boot.js'
import { Conversation } from './conversation.js'
import { counters, type PortSample } from './counters.js'
import { givenUp } from './failures.js'
import { guard } from './guard.js'
import { columns, system } from './oids.js'
import { DOWN, findPort, type Port, type PortNow, readPort, readPorts, UP } from './ports.js'
import { readTarget, type Target } from './target.js'
import { numberOf, textOf } from './values.js'

/** What the driver needs to drive one device. */
export interface SnmpOptions {
  readonly device: Device
  /** What `device.credentialRef` names: the community, or the passwords of the v3 user. Asked for at every call. */
  readonly credential: () => string
  readonly clock: Clock
}

const capabilities = ['block', 'restore', 'observe', 'readCounters'] as const
type SnmpCapability = (typeof capabilities)[number]

/** The driver, and what only SNMP tells. */
export interface SnmpDriver extends Driver<SnmpCapability> {
  readCounters(signal: AbortSignal): AsyncIterable<PortSample>
  /** Every interface with its state, errors and discards. @throws DriverError */
  readPorts(signal: AbortSignal): Promise<readonly Port[]>
}

/**
 * Reads a device by SNMP, and switches the ports of subscribers off and on. Every change is read back, so that an answer
 * is proof.
 * @throws DriverError `UNSUPPORTED` when the device document says something that is not understood
 */
export function snmp(options: SnmpOptions): SnmpDriver {
  return new Snmp(options)
}

class Snmp implements SnmpDriver {
  readonly name = 'snmp'
  readonly acts = 'port'
  readonly sees = 'itself'
  readonly capabilities = capabilities
  readonly #target: Target
  readonly #credential: () => string
  readonly #clock: Clock
  readonly #boot = new Boot()
  readonly #closing = new AbortController()

  constructor({ device, credential, clock }: SnmpOptions) {
    this.#target = readTarget(device)
    this.#credential = credential
    this.#clock = clock
  }

  /** A port knows no garden and no rate: whoever is to be fenced loses the link; who is to be slowed keeps it. */
  async block(who: SubscriberRef, how: Treatment, signal: AbortSignal): Promise<Applied> {
    if (how.kind === 'full') return this.restore(who, signal)
    if (how.kind === 'throttled') throw new DriverError('UNSUPPORTED', 'A port has no rate that SNMP could set.')
    return this.#switch(who, DOWN, signal)
  }

  async restore(who: SubscriberRef, signal: AbortSignal): Promise<Applied> {
    return this.#switch(who, UP, signal)
  }

  async observe(who: SubscriberRef, signal: AbortSignal): Promise<Observation> {
    const seen = await this.#talk(signal, talk => this.#portsNow(talk, who))
    const off = seen.filter(({ admin }) => admin === 'down')
    return {
      present: true,
      detail: seen.map(sentence).join(' '),
      ...((off.length === 0 || off.length === seen.length) && { treatment: off.length === 0 ? 'full' : 'blocked' })
    }
  }

  async *readCounters(signal: AbortSignal): AsyncGenerator<PortSample> {
    const talk = await this.#open(signal)
    let any = false
    try {
      for await (const sample of counters(talk, this.#target.portsBy, this.#boot, this.#clock)) {
        any = true
        yield sample
      }
    } finally {
      talk.close()
    }
    if (!any) throw new DriverError('PROTOCOL', 'The device answers SNMP and counts no octets of any interface.')
  }

  readPorts(signal: AbortSignal): Promise<readonly Port[]> {
    return this.#talk(signal, readPorts)
  }

  health(signal: AbortSignal): Promise<string> {
    return this.#talk(signal, async talk => {
      const [name, descr, upTime, hostUpTime] = await talk.get([
        system.name,
        system.descr,
        system.upTime,
        system.hostUpTime
      ])
      const up = numberOf(hostUpTime) ?? numberOf(upTime)
      if (up === undefined && textOf(descr) === '')
        throw new DriverError(
          'PROTOCOL',
          'The device answers SNMP and does not say what it is: may we see 1.3.6.1.2.1.1?'
        )
      const version = this.#target.v3 === undefined ? 'v2c' : 'v3'
      const what = textOf(descr).replace(/\s+/g, ' ').slice(0, 120)
      return `"${textOf(name)}" (${what}) answers SNMP${version}${up === undefined ? '' : `, up ${duration(up)}`}.`
    })
  }

  async close(): Promise<void> {
    this.#closing.abort(givenUp())
  }

  /** Every port is found and asked about before any is touched, so that a refusal leaves nothing half applied. */
  #switch(who: SubscriberRef, to: typeof UP | typeof DOWN, signal: AbortSignal): Promise<Applied> {
    return this.#talk(signal, async talk => {
      const ports = await this.#portsNow(talk, who)
      const others = ports.filter(({ admin }) => admin !== (to === UP ? 'up' : 'down'))
      if (to === DOWN) for (const port of others) await guard(talk, port, this.#target)
      const after: PortNow[] = []
      for (const port of ports) after.push(others.includes(port) ? await switchPort(talk, port, to) : port)
      const detail = after.map(sentence).join(' ')
      return { result: others.length > 0 ? 'changed' : 'unchanged', detail, proof: detail }
    })
  }

  async #portsNow(talk: Conversation, who: SubscriberRef): Promise<readonly PortNow[]> {
    const { ports: names = [] } = who
    if (names.length === 0)
      throw new DriverError('NO_SUCH_SESSION', `The document of the subscriber names no port of ${this.#target.id}.`)
    const found: PortNow[] = []
    for (const name of names) found.push(await readPort(talk, await findPort(talk, name, this.#target)))
    return found
  }

  async #talk<T>(signal: AbortSignal, say: (talk: Conversation) => Promise<T>): Promise<T> {
    const talk = await this.#open(signal)
    try {
      return await say(talk)
    } finally {
      talk.close()
    }
  }

  async #open(signal: AbortSignal): Promise<Conversation> {
    const either = AbortSignal.any([signal, this.#closing.signal])
    const talk = await Conversation.open(this.#target, this.#credential, either)
    const { enterprise } = this.#target
    try {
      if (enterprise !== undefined) await requireMake(talk, enterprise)
      return talk
    } catch (error) {
      talk.close()
      throw error
    }
  }
}

/** sysObjectID begins with the maker's number. RFC 3418 §2 */
async function requireMake(talk: Conversation, enterprise: number): Promise<void> {
  const [value] = await talk.get([system.objectId])
  const [, made] = /^1\.3\.6\.1\.4\.1\.(\d+)(?:\.|$)/.exec(String(value)) ?? []
  if (made === String(enterprise)) return
  throw new DriverError(
    'PROTOCOL',
    `Another device answers there: it is of the maker ${made ?? 'unknown'}, not ${enterprise} (sysObjectID ${String(value)}). Check the address, or correct the option enterprise.`
  )
}

/** The answer is what was read back afterwards. */
async function switchPort(talk: Conversation, port: PortNow, to: typeof UP | typeof DOWN): Promise<PortNow> {
  await talk.set({ oid: `${columns.adminStatus}.${port.index}`, integer: to })
  const now = await readPort(talk, port.index)
  if (now.admin === (to === UP ? 'up' : 'down')) return now
  throw new DriverError('REJECTED', `The device took the change of the port ${title(port)} and did not make it.`)
}

function sentence(port: PortNow): string {
  if (port.admin === 'down') return `The port ${title(port)} is switched off.`
  return `The port ${title(port)} is switched on${port.oper === 1 ? ' and has a link' : ', without a link'}.`
}

function title({ name, descr, index }: PortNow): string {
  return name || descr || index
}

function duration(hundredths: number): string {
  const minutes = Math.floor(hundredths / 6000)
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)]
  return `${days > 0 ? `${days} d ` : ''}${hours} h ${minutes % 60} min`
}
