import { Enforcement } from '../agent/enforcement/index.js'
import { desired, type PolicySettings, render } from '../agent/policy/index.js'
import type { Base } from './base.js'
import { type DeviceDrivers, driversOf, type Reverse } from './drivers.js'
import type { State } from './state.js'

const SNAPSHOT_WAITS = 'a snapshot that removes many subscribers waits for a person'

/** What enforcement reaches equipment by. */
export interface Reaching {
  readonly devices: DeviceDrivers
  readonly reverse: Reverse
}

/** The closed loop, not yet started. */
export function makeEnforcement(base: Base, state: State, settings: PolicySettings, by: Reaching): Enforcement {
  const { config, clock, log } = base
  const { ledger, replica, sessions, commands, nases, quotas } = state
  const { blocksPerHour, proofTimeout } = config.enforcement
  const enforcement = new Enforcement({
    ledger,
    replica,
    sessions,
    commands,
    nases,
    settings,
    policy: { desired: (who, profile, now) => desired(who, profile, now, quotas.of(who.id)), render },
    driversFor: driversOf(base, by.devices, by.reverse),
    driverOf: by.devices,
    certificates: config.radius.eap?.ca !== undefined,
    clock,
    log,
    brakes: blocksPerHour === undefined ? {} : { blocksPerHour },
    mayBlock: () => (replica.held === undefined ? undefined : SNAPSHOT_WAITS),
    limits: { proof: proofTimeout }
  })
  quotas.on('crossed', subscriber => enforcement.reconsider(subscriber, 'quota'))
  return enforcement
}
