import { genieacs } from './genieacs/index.js'
import { linux } from './linux/index.js'
import { mikrotik } from './mikrotik/index.js'
import { openwrt } from './openwrt/index.js'
import { radiusDae } from './radius-dae/index.js'
import { snmp } from './snmp/index.js'

/**
 * Every driver by the name that a Device document gives, with what makes one. The only list: a new vendor is a line here.
 * Importing it opens nothing.
 */
export const drivers = { 'radius-dae': radiusDae, mikrotik, snmp, genieacs, linux, openwrt } as const

/** Name of a driver, as `Device.driver` spells it. */
export type DriverName = keyof typeof drivers

/** Whether a name is one of {@link drivers}. */
export function isDriverName(name: string): name is DriverName {
  return Object.hasOwn(drivers, name)
}
