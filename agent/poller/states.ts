import type { Logger } from 'pino'
import type { Ledger } from '../ledger/contract.js'
import { type Milliseconds, noticeEntry, RecordKind } from '../model/index.js'
import { type Damping, dampingDefaults, type DeviceState, type Found, Reachability } from './reachability.js'
import { DEVICE_PREFIX, TABLE } from './stored.js'

/**
 * Up and down of all devices, told to billing as `turnpike.device.state` when it changes. What was told last is kept, so
 * that a restart of the agent is not told as a thousand devices that came up.
 */
export class States {
  readonly #ledger: Ledger
  readonly #log: Logger
  readonly #damping: Damping
  readonly #devices = new Map<string, Reachability>()

  private constructor(ledger: Ledger, log: Logger, damping: Damping) {
    this.#ledger = ledger
    this.#log = log
    this.#damping = damping
  }

  /** Goes on from what was told last. @throws LedgerError */
  static async open(ledger: Ledger, log: Logger, damping: Partial<Damping> = {}): Promise<States> {
    const states = new States(ledger, log, { ...dampingDefaults, ...damping })
    for await (const [key, value] of ledger.entries(TABLE)) {
      const told = value.toString()
      if (key.startsWith(DEVICE_PREFIX) && isState(told))
        states.#devices.set(key.slice(DEVICE_PREFIX.length), new Reachability(told, states.#damping))
    }
    return states
  }

  of(device: string): DeviceState | undefined {
    return this.#devices.get(device)?.told
  }

  /** Whether its last poll failed. */
  isSuspect(device: string): boolean {
    return this.#devices.get(device)?.suspect === true
  }

  /**
   * Takes the outcome of a poll.
   * @returns settles when what it changed is durable; rejects with LedgerError when it is not: the next poll tells it again
   */
  async note(device: string, driver: string, found: Found, at: Milliseconds): Promise<void> {
    const reachability = this.#devices.get(device) ?? new Reachability(undefined, this.#damping)
    this.#devices.set(device, reachability)
    const change = reachability.note(found, at)
    if (change === undefined) return
    this.#log.info({ device, ...change }, `a device is ${change.state}`)
    await this.#ledger.append([noticeEntry(RecordKind.deviceState, at, { subject: device, driver, ...change })]).durable
    reachability.tell(change.state)
    await this.#write(device, Buffer.from(change.state))
  }

  /** The devices of which something was told. */
  devices(): readonly string[] {
    return [...this.#devices.keys()]
  }

  /** A device that is no longer. @throws LedgerError */
  async forget(device: string): Promise<void> {
    if (this.#devices.delete(device)) await this.#write(device, undefined)
  }

  #write(device: string, value: Buffer | undefined): Promise<void> {
    return this.#ledger.write([{ table: TABLE, key: DEVICE_PREFIX + device, value }])
  }
}

function isState(text: string): text is DeviceState {
  return text === 'up' || text === 'down' || text === 'flapping'
}
