import { createRequire } from 'node:module'
import type * as NetSnmp from 'net-snmp'

const load = createRequire(import.meta.url)

/** net-snmp, loaded when the first device is spoken to: few agents need it, and it is a tenth of what they load. */
export function netSnmp(): typeof NetSnmp {
  return load('net-snmp') as typeof NetSnmp
}
