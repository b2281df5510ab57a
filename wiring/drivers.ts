import type { AnyDriver, Device, Nas } from '../agent/model/index.js'
import type { Replica } from '../agent/subscribers/index.js'
import { drivers } from '../drivers/index.js'
import { Secret } from '../protocols/radius/index.js'
import type { ReverseChannel } from '../server/radius/tls/index.js'
import type { Base } from './base.js'

/** The way back over a NAS's own TLS connection, while there is one. */
export type Reverse = (nas: Nas) => ReverseChannel | undefined

interface Held {
  readonly nas: Nas
  readonly device: Device | undefined
  readonly drivers: readonly AnyDriver[]
}

/** The drivers of a NAS in the order of the ladder, kept until its document or its device's changes. */
export function driversOf(base: Base, replica: Replica, reverse: Reverse): (nas: Nas) => readonly AnyDriver[] {
  const { secrets, dictionary, clock, closers } = base
  const known = new Map<string, Held>()
  const release = ({ drivers }: Held) => Promise.all(drivers.map(driver => driver.close()))
  closers.add(() => Promise.all([...known.values()].map(release)))
  return nas => {
    const held = known.get(nas.id)
    const device = nas.device === undefined ? undefined : replica.device(nas.device)
    if (held?.nas === nas && held.device === device) return held.drivers
    if (held !== undefined) void release(held)
    const secret = new Secret(secrets.resolve(nas.secretRef))
    const dae = drivers['radius-dae']({ nas, secret, dictionary, clock, reverse: () => reverse(nas) })
    const made = [dae, ...deviceDrivers(device, base)]
    known.set(nas.id, { nas, device, drivers: made })
    return made
  }
}

/** The driver of a device document, if it has one of ours. One that cannot be made leaves the NAS its CoA. */
function deviceDrivers(device: Device | undefined, { config, secrets, clock, log }: Base): AnyDriver[] {
  if (device?.driver !== 'mikrotik' && device?.driver !== 'linux') return []
  const credential = () => secrets.text(device.credentialRef ?? '')
  try {
    if (device.driver === 'linux') return [drivers.linux({ device, clock })]
    return [drivers.mikrotik({ device, credential, clock, lists: { walled: config.policy.walledGarden.addressList } })]
  } catch (error) {
    log.error({ err: error, device: device.id }, 'a device cannot be driven: its document is not understood')
    return []
  }
}
