import { type AnyDriver, type Device, DriverError, type Nas } from '../agent/model/index.js'
import { withoutSchedule } from '../agent/poller/index.js'
import type { Replica } from '../agent/subscribers/index.js'
import { type DriverName, drivers, isDriverName } from '../drivers/index.js'
import { Secret } from '../protocols/radius/index.js'
import type { ReverseChannel } from '../server/radius/tls/index.js'
import type { Base } from './base.js'

/** The way back over a NAS's own TLS connection, while there is one. */
export type Reverse = (nas: Nas) => ReverseChannel | undefined

/** The driver of a device by the id of its document; undefined where there is no such document or no driver for it. */
export type DeviceDrivers = (id: string) => AnyDriver | undefined

/** What makes the driver of a device document, by the name that the document gives. */
type Make = (device: Device, base: Base) => AnyDriver

const makers: Readonly<Record<Exclude<DriverName, 'radius-dae'>, Make>> = {
  mikrotik: (device, base) => {
    const { clock, config } = base
    const lists = { walled: config.policy.walledGarden.addressList }
    return drivers.mikrotik({ device, credential: credentialOf(device, base), clock, lists })
  },
  snmp: (device, base) => drivers.snmp({ device, credential: credentialOf(device, base), clock: base.clock }),
  openwrt: (device, base) => drivers.openwrt({ device, credential: credentialOf(device, base), clock: base.clock }),
  linux: (device, { clock }) => drivers.linux({ device, clock }),
  genieacs: (device, base) =>
    drivers.genieacs({
      device,
      // An NBI that nothing guards has no credential.
      ...(device.credentialRef !== undefined && { credential: credentialOf(device, base) })
    })
}

/**
 * Makes the driver that a device document asks for; whoever asks closes it.
 * @throws DriverError `UNSUPPORTED` where the document is not understood
 */
export function deviceDriver(device: Device, base: Base): AnyDriver {
  const { id, driver } = device
  if (isDriverName(driver) && driver !== 'radius-dae') return makers[driver](withoutSchedule(device), base)
  throw new DriverError(
    'UNSUPPORTED',
    `The document of device ${id} names the driver ${driver}, which is none of ${names}.`
  )
}

/**
 * The drivers of all devices, each made when it is first asked for and kept until its document changes: whoever speaks
 * to a device speaks over the same connections.
 */
export function deviceDrivers(base: Base, replica: Pick<Replica, 'device'>): DeviceDrivers {
  const kept = new Kept<Device, AnyDriver | undefined>(
    device => {
      try {
        return deviceDriver(device, base)
      } catch (error) {
        base.log.error({ err: error, device: device.id }, 'a device cannot be driven: its document is not understood')
        return undefined
      }
    },
    driver => driver?.close()
  )
  base.closers.add(() => kept.close())
  return id => kept.of(id, replica.device(id))
}

/** The drivers of a NAS in the order to prefer: RADIUS (CoA, Disconnect) where it takes that, then its own API. */
export function driversOf(base: Base, devices: DeviceDrivers, reverse: Reverse): (nas: Nas) => readonly AnyDriver[] {
  const { secrets, dictionary, clock, closers } = base
  const kept = new Kept<Nas, AnyDriver>(
    nas => {
      const secret = new Secret(secrets.resolve(nas.secretRef))
      return drivers['radius-dae']({ nas, secret, dictionary, clock, reverse: () => reverse(nas) })
    },
    driver => driver.close()
  )
  closers.add(() => kept.close())
  return nas => {
    const own = nas.device === undefined ? undefined : devices(nas.device)
    return [nas.coa === false ? undefined : kept.of(nas.id, nas), own].filter(driver => driver !== undefined)
  }
}

/** What was made for a document, for as long as the document is the same object. */
class Kept<Document, Made> {
  readonly #make: (document: Document) => Made
  readonly #release: (made: Made) => unknown
  readonly #held = new Map<string, { readonly document: Document; readonly made: Made }>()

  constructor(make: (document: Document) => Made, release: (made: Made) => unknown) {
    this.#make = make
    this.#release = release
  }

  of(id: string, document: Document): Made
  of(id: string, document: Document | undefined): Made | undefined
  of(id: string, document: Document | undefined): Made | undefined {
    const held = this.#held.get(id)
    if (held !== undefined && held.document === document) return held.made
    if (held !== undefined) void this.#release(held.made)
    this.#held.delete(id)
    if (document === undefined) return undefined
    const made = this.#make(document)
    this.#held.set(id, { document, made })
    return made
  }

  async close(): Promise<void> {
    await Promise.all([...this.#held.values()].map(({ made }) => this.#release(made)))
    this.#held.clear()
  }
}

const names = Object.keys(makers).join(', ')

function credentialOf({ credentialRef = '' }: Device, { secrets }: Base): () => string {
  return () => secrets.text(credentialRef)
}
