import { DriverError, type DriverErrorCode } from '../../agent/model/index.js'

interface Meaning {
  readonly name: string
  readonly code: DriverErrorCode
  readonly words: string
}

/** Statuses of ubus, `enum ubus_msg_status`. https://openwrt.org/docs/techref/ubus */
const statuses: readonly Meaning[] = [
  { name: 'OK', code: 'PROTOCOL', words: '' },
  { name: 'INVALID_COMMAND', code: 'UNSUPPORTED', words: 'It does not know the command.' },
  {
    name: 'INVALID_ARGUMENT',
    code: 'REJECTED',
    words: 'It does not take the arguments: does this version of OpenWrt know the option?'
  },
  { name: 'METHOD_NOT_FOUND', code: 'UNSUPPORTED', words: 'This version of OpenWrt does not have the method.' },
  {
    name: 'NOT_FOUND',
    code: 'UNSUPPORTED',
    words: 'It does not have that: is the package (rpcd, uhttpd-mod-ubus, a radio) there?'
  },
  { name: 'NO_DATA', code: 'REJECTED', words: 'It has no data for that.' },
  {
    name: 'PERMISSION_DENIED',
    code: 'AUTH',
    words: 'Our user may not do that: look at /usr/share/rpcd/acl.d and /etc/config/rpcd (docs/drivers/openwrt.md).'
  },
  { name: 'TIMEOUT', code: 'TIMEOUT', words: 'The service behind ubus did not answer.' },
  { name: 'NOT_SUPPORTED', code: 'UNSUPPORTED', words: 'It does not support that.' },
  { name: 'UNKNOWN_ERROR', code: 'REJECTED', words: 'It failed without saying why: logread on the router may tell.' },
  { name: 'CONNECTION_FAILED', code: 'UNREACHABLE', words: 'ubus does not run on the router.' },
  { name: 'NO_MEMORY', code: 'REJECTED', words: 'The router has no memory left.' },
  { name: 'PARSING_ERROR', code: 'REJECTED', words: 'The router could not read its own configuration.' },
  { name: 'SYSTEM_ERROR', code: 'REJECTED', words: 'The system of the router failed: is its flash full?' }
]

/** A status that is not 0, as an error with what to do. `deviceCode` is the status. */
export function statusError(status: number, call: string): DriverError {
  const { name, code, words } = statuses[status] ?? { name: 'status', code: 'REJECTED', words: 'It is not known.' }
  return new DriverError(code, `The router refused ${call}: ${name} (${status}). ${words}`, { deviceCode: status })
}
