import {
  type Applied,
  type Device,
  type Driver,
  DriverError,
  type Observation,
  type Provisioning,
  type SubscriberRef
} from '../../agent/model/index.js'
import { readSecret } from '../credential.js'
import { httpOptions, type HttpTarget, readHttpTarget } from '../http.js'
import { Options } from '../target.js'
import { faultNumber, faultWords } from './faults.js'
import { findDevice, type Sought, userNamePaths } from './find.js'
import { type DeviceRecord, Nbi, type Task } from './nbi.js'
import { parameterOf, rootOf, textOf } from './parameters.js'
import { Provisioner } from './provision.js'

/** What the driver needs to speak to one GenieACS. */
export interface GenieacsOptions {
  readonly device: Device
  /** What `device.credentialRef` names: `user:password` of a proxy before the NBI; absent or '' where there is none. */
  readonly credential?: () => string
}

const capabilities = ['observe', 'provision', 'reboot'] as const
type GenieacsCapability = (typeof capabilities)[number]

/** CPEs behind GenieACS, one by one. */
export interface Genieacs extends Driver<GenieacsCapability> {
  /** Sets parameters of a CPE by their TR-069 names. */
  setParameters(
    who: Sought,
    values: Readonly<Record<string, string | number | boolean>>,
    signal: AbortSignal
  ): Promise<Applied>
  /** Values as the CPE has them now. `fresh` is false where it could not be called: then they are GenieACS' last. */
  getParameters(
    who: Sought,
    paths: readonly string[],
    signal: AbortSignal
  ): Promise<{ fresh: boolean; values: Record<string, string | number | boolean> }>
  /** Restarts a CPE; each call is a restart. @param who  undefined: the one that the device document names */
  reboot(who: Sought | undefined, signal: AbortSignal): Promise<Applied>
  /** Has GenieACS read an object of the CPE again; '' is all of it. */
  refresh(who: Sought, object: string, signal: AbortSignal): Promise<Applied>
  /** Calls a CPE, without a task. */
  call(who: Sought, signal: AbortSignal): Promise<Applied>
  /** What stands against a CPE, a sentence each. */
  faults(who: Sought, signal: AbortSignal): Promise<readonly string[]>
}

/**
 * Drives CPEs by TR-069, through the NBI of GenieACS. Done and queued are told apart: only what the CPE did and shows is proof.
 * @throws DriverError `UNSUPPORTED` when the device document says something that is not understood
 */
export function genieacs(options: GenieacsOptions): Genieacs {
  return new GenieacsDriver(options)
}

const said = [
  '_deviceId._SerialNumber',
  '_deviceId._ProductClass',
  'InternetGatewayDevice.DeviceInfo.SoftwareVersion',
  'Device.DeviceInfo.SoftwareVersion'
]

class GenieacsDriver implements Genieacs {
  readonly name = 'genieacs'
  readonly acts = 'line'
  readonly sees = 'nothing'
  readonly capabilities = capabilities
  readonly #otherwise: Sought
  readonly #target: HttpTarget
  readonly #nbi: Nbi
  readonly #provisioner: Provisioner

  constructor({ device, credential }: GenieacsOptions) {
    const options = new Options(device, [...httpOptions, 'device', 'serial', 'userName'])
    this.#target = readHttpTarget(device, options, { scheme: 'http:', port: 7557 })
    this.#otherwise = {
      device: options.text('device'),
      serial: options.text('serial'),
      userName: options.text('userName')
    }
    this.#nbi = new Nbi(this.#target, () => authorizationOf(credential))
    this.#provisioner = new Provisioner(this.#nbi)
  }

  async observe(who: SubscriberRef, signal: AbortSignal): Promise<Observation> {
    const query = { $or: userNamePaths.map(path => ({ [path]: who.userName })) }
    const [found] = await this.#nbi.devices(query, [...said, ...userNamePaths], 1, signal)
    if (found === undefined)
      return { present: false, detail: `GenieACS knows no CPE with the PPP user ${who.userName}.` }
    const faults = await this.#nbi.faults(found.id, signal)
    const standing =
      faults.length === 0 ? '' : ` ${faults.length} of its tasks failed: ${faultWords(faults[0] ?? noFault)}`
    return { present: true, detail: `${describe(found)}.${standing}` }
  }

  provision(want: Provisioning, signal: AbortSignal): Promise<Applied> {
    return this.#provisioner.provision(want, this.#otherwise, signal)
  }

  async health(signal: AbortSignal): Promise<string> {
    const found = await this.#nbi.devices({}, [], 1, signal)
    const words = found.length === 0 ? 'knows no device yet' : 'knows devices'
    return `GenieACS at ${this.#target.base.host} answers and ${words}.`
  }

  async setParameters(
    who: Sought,
    values: Readonly<Record<string, string | number | boolean>>,
    signal: AbortSignal
  ): Promise<Applied> {
    const wishes = Object.entries(values).map(([path, value]) => ({ path, value, secret: isSecret(path) }))
    const device = await findDevice(this.#nbi, who, Object.keys(values), signal)
    return this.#provisioner.set(device, wishes, signal)
  }

  async getParameters(who: Sought, paths: readonly string[], signal: AbortSignal) {
    const { id } = await findDevice(this.#nbi, who, [], signal)
    const result = await this.#nbi.task(id, { name: 'getParameterValues', parameterNames: paths }, signal)
    if (result.state === 'faulted') throw await this.#refused(result, signal)
    if (result.state === 'queued') await this.#nbi.drop(result.task, signal)
    const { tree } = await findDevice(this.#nbi, { device: id }, paths, signal)
    const pairs = paths.flatMap(path => {
      const found = parameterOf(tree, path)
      return found === undefined ? [] : [[path, found.value] as const]
    })
    return { fresh: result.state === 'done', values: Object.fromEntries(pairs) }
  }

  reboot(who: Sought | undefined, signal: AbortSignal): Promise<Applied> {
    return this.#task(who ?? this.#otherwise, { name: 'reboot' }, 'restart', signal)
  }

  refresh(who: Sought, object: string, signal: AbortSignal): Promise<Applied> {
    return this.#task(who, { name: 'refreshObject', objectName: object }, 'reading again', signal)
  }

  async call(who: Sought, signal: AbortSignal): Promise<Applied> {
    const { id } = await findDevice(this.#nbi, who, [], signal)
    const why = await this.#nbi.call(id, signal)
    if (why === undefined) return { result: 'changed', detail: `${id} was called and came.` }
    throw new DriverError(
      'UNREACHABLE',
      `${id} cannot be called: ${why}. It will come at its next inform; behind NAT it needs STUN or XMPP.`
    )
  }

  async faults(who: Sought, signal: AbortSignal): Promise<readonly string[]> {
    const { id } = await findDevice(this.#nbi, who, [], signal)
    return (await this.#nbi.faults(id, signal)).map(fault => faultWords(fault))
  }

  close(): Promise<void> {
    return this.#nbi.close()
  }

  async #task(who: Sought, task: Task, words: string, signal: AbortSignal): Promise<Applied> {
    const { id } = await findDevice(this.#nbi, who, [], signal)
    const result = await this.#nbi.task(id, task, signal)
    if (result.state === 'faulted') throw await this.#refused(result, signal)
    if (result.state === 'done') return { result: 'changed', detail: `Done: ${words} of ${id}.` }
    const why = result.why === '' ? '' : ` (${result.why})`
    return {
      result: 'changed',
      detail: `Queued, not done: ${words} of ${id} waits for its next inform${why}, task ${result.task}.`
    }
  }

  async #refused({ task, fault }: { task: string; fault: typeof noFault }, signal: AbortSignal): Promise<DriverError> {
    await this.#nbi.drop(task, signal)
    const number = faultNumber(fault)
    return new DriverError('REJECTED', `${faultWords(fault)} The task was taken back.`, {
      ...(number !== undefined && { deviceCode: number })
    })
  }
}

const noFault = { channel: '', code: '', message: '', parameters: [] as readonly { name: string; code: string }[] }

function describe({ id, tree }: DeviceRecord): string {
  const root = rootOf(tree)
  const version = root === undefined ? undefined : parameterOf(tree, `${root}.DeviceInfo.SoftwareVersion`)
  const firmware = version === undefined ? '' : ` with firmware ${String(version.value)}`
  return `${id}${firmware} informed last at ${textOf(tree, '_lastInform') ?? 'an unknown time'}`
}

/** Names under which TR-098 and TR-181 keep what nobody may read. */
function isSecret(path: string): boolean {
  return /(password|passphrase|presharedkey|wepkey|secret|pin)$/i.test(path)
}

function authorizationOf(credential: (() => string) | undefined): string | undefined {
  if (credential === undefined) return undefined
  const text = readSecret(credential, 'GenieACS')
  if (text === '') return undefined
  if (text.includes(':')) return `Basic ${Buffer.from(text).toString('base64')}`
  throw new DriverError('AUTH', 'The credential of GenieACS is not user:password. Write it so in the secret store.')
}
