import {
  type Applied,
  type Clock,
  type CounterSample,
  type Device,
  type Driver,
  type Observation,
  type Provisioning,
  DriverError,
  isRecord,
  type SubscriberRef
} from '../../agent/model/index.js'
import { httpOptions, readHttpTarget } from '../http.js'
import { Options } from '../target.js'
import { counters, interfacesOf, sayInterface } from './interfaces.js'
import { type Patience, provision } from './provision.js'
import { Ubus } from './ubus.js'

/** What the driver needs to drive one OpenWrt router. */
export interface OpenwrtOptions {
  readonly device: Device
  /** What `device.credentialRef` names: `user:password`, or JSON with both. Asked for at every login. */
  readonly credential: () => string
  readonly clock: Clock
}

const capabilities = ['observe', 'readCounters', 'provision', 'reboot'] as const
type OpenwrtCapability = (typeof capabilities)[number]

/**
 * Drives an OpenWrt router by ubus over HTTPS. Nothing is run as a command and no file is written: `file` is not used.
 * @throws DriverError `UNSUPPORTED` when the device document says something that is not understood
 */
export function openwrt(options: OpenwrtOptions): Driver<OpenwrtCapability> {
  return new Openwrt(options)
}

class Openwrt implements Driver<OpenwrtCapability> {
  readonly name = 'openwrt'
  readonly acts = 'line'
  readonly sees = 'nothing'
  readonly capabilities = capabilities
  readonly #ubus: Ubus
  readonly #clock: Clock
  readonly #patience: Patience

  constructor({ device, credential, clock }: OpenwrtOptions) {
    const options = new Options(device, [...httpOptions, 'rollback', 'pause'])
    this.#ubus = new Ubus(readHttpTarget(device, options, { scheme: 'https:', port: 443 }), credential)
    this.#clock = clock
    this.#patience = {
      rollback: options.number('rollback', 30, 5, 600),
      pause: options.number('pause', 1000, 1, 10_000)
    }
  }

  /** A CPE is its subscriber's: what is seen is whether its line is up. */
  async observe(who: SubscriberRef, signal: AbortSignal): Promise<Observation> {
    const lines = (await interfacesOf(this.#ubus, signal)).filter(({ uplink }) => uplink)
    const detail = lines.length === 0 ? 'The router has no line to the provider.' : lines.map(sayInterface).join(' ')
    const mine = lines.filter(({ up, ipv4 }) => up && (who.ipv4 === undefined || ipv4.includes(who.ipv4)))
    return { present: mine.length > 0, detail }
  }

  readCounters(signal: AbortSignal): AsyncIterable<CounterSample> {
    return counters(this.#ubus, this.#clock, signal)
  }

  provision(want: Provisioning, signal: AbortSignal): Promise<Applied> {
    return provision(this.#ubus, want, this.#patience, signal)
  }

  /** The router is one subscriber's, whoever is named. It answers before it goes down. */
  async reboot(_who: SubscriberRef | undefined, signal: AbortSignal): Promise<Applied> {
    await this.#ubus.call('system', 'reboot', {}, signal)
    return { result: 'changed', detail: 'The router takes the order, and restarts now.' }
  }

  async health(signal: AbortSignal): Promise<string> {
    const board = await this.#ubus.call('system', 'board', {}, signal)
    const { uptime, load } = await this.#ubus.call('system', 'info', {}, signal)
    const { model = 'router', hostname = '', release } = board
    const named = isRecord(release) ? (release['description'] ?? release['version']) : undefined
    const version = typeof named === 'string' ? named : 'OpenWrt'
    // Load is written as a fixed-point number with 16 bits behind the point.
    const busy = Array.isArray(load) && typeof load[0] === 'number' ? `, load ${(load[0] / 65_536).toFixed(2)}` : ''
    const radios = await this.#radios(signal)
    return `${String(model)} "${String(hostname)}" with ${version}, up ${String(uptime)} s${busy}${radios}, takes our login.`
  }

  close(): Promise<void> {
    return this.#ubus.close()
  }

  /** A router without radios has no such object, and a user without the right to it is no less healthy. */
  async #radios(signal: AbortSignal): Promise<string> {
    try {
      const radios = Object.entries(await this.#ubus.call('network.wireless', 'status', {}, signal))
      return radios
        .map(([name, state]) => `, ${name} ${isRecord(state) && state['up'] === true ? 'up' : 'down'}`)
        .join('')
    } catch (error) {
      if (error instanceof DriverError && (error.code === 'UNSUPPORTED' || error.code === 'AUTH')) return ''
      throw error
    }
  }
}
