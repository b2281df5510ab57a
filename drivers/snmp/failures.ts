import { DriverError, type DriverErrorCode } from '../../agent/model/index.js'
import { netSnmp } from './library.js'

/*
 * What goes wrong, in words of our own. The library's messages are never repeated nor kept as a cause: some of them hold
 * the community, or carry the user with its keys.
 */

/** The caller's time is over. */
export function givenUp(): DriverError {
  return new DriverError('TIMEOUT', 'The request was given up before the device answered it.')
}

/** What the conversation knows when something fails. */
export interface Circumstances {
  readonly v3: boolean
  /** Whether anything came from the device at all. */
  readonly heard: boolean
}

/** Nothing came back, however often it was asked. RFC 3414 lets a device be silent about what it cannot decrypt. */
function silent({ v3, heard }: Circumstances): DriverError {
  if (heard) {
    const privacy = v3
      ? ' If it never answers more than the first question, compare the password and protocol of privacy.'
      : ''
    return new DriverError(
      'TIMEOUT',
      `The device began to answer and stopped. Check its load and the path for loss, or set the option timeout higher.${privacy}`
    )
  }
  return new DriverError(
    'UNREACHABLE',
    v3
      ? 'Nothing answers. Check the address, that SNMP is enabled there, and that our address may ask.'
      : 'Nothing answers. A device is silent too when the community is wrong: compare it on both sides, check the address, that SNMP is enabled there, and that our address may ask.'
  )
}

/** Nothing listens, or there is no way: what the system says. */
export function pathError(error: NodeJS.ErrnoException): DriverError {
  const words =
    error.code === 'ECONNREFUSED'
      ? 'No SNMP is spoken on that port: enable it on the device, or correct the port.'
      : 'There is no way to the device.'
  return new DriverError('UNREACHABLE', `${words} (${error.code ?? error.name})`, { cause: error })
}

/** Octets that are no SNMP. */
export function notSnmp(): DriverError {
  return new DriverError(
    'PROTOCOL',
    'What answers there does not speak SNMP as it was asked. Check the address and the port (161).'
  )
}

/** A refusal of the user security model. RFC 3414 §3.2 */
const reports: Readonly<Record<string, string>> = {
  'Unsupported Security Level': 'The device does not take our security level: is the user there set up for it?',
  'Unknown User Name': 'The device does not know the user.',
  'Wrong Digest (incorrect password, community or key)':
    'The device refuses the password of authentication, or the authentication protocol is another.',
  'Decryption Error': 'The device cannot read what we encrypted: the password of privacy, or its protocol, is another.'
}

/** By the name of the status. RFC 3416 §3 */
const refusals: Readonly<Record<string, { code: DriverErrorCode; words: string }>> = {
  TooBig: {
    code: 'UNSUPPORTED',
    words: 'the answer is too big for it: set the option repetitions lower'
  },
  NoAccess: { code: 'AUTH', words: 'our user or community may not do that: give it the right to write' },
  AuthorizationError: { code: 'AUTH', words: 'our user or community is not authorised for it' },
  NoSuchName: { code: 'REJECTED', words: 'it has no such object, or our community may only read' },
  ReadOnly: { code: 'REJECTED', words: 'the object may only be read' },
  NotWritable: {
    code: 'REJECTED',
    words: 'it cannot be written: our community may only read, or this device switches no port by SNMP'
  },
  ResourceUnavailable: { code: 'REJECTED', words: 'it lacks the resources now' }
}

/** Whatever the library reports, as ours. */
export function failureOf(error: unknown, circumstances: Circumstances): DriverError {
  if (error instanceof DriverError) return error
  if (!(error instanceof Error)) return notSnmp()
  const { status, code } = error as { readonly status?: number; readonly code?: unknown }
  if (error.name === 'RequestTimedOutError') return silent(circumstances)
  if (error.name === 'RequestFailedError') return refused(status ?? netSnmp().ErrorStatus.GeneralError)
  if (error.name === 'ResponseInvalidError') return invalid(error.message, code)
  return typeof code === 'string' ? pathError(error) : notSnmp()
}

function refused(status: number): DriverError {
  const name = netSnmp().ErrorStatus[status] ?? String(status)
  const { code, words } = refusals[name] ?? { code: 'REJECTED' as const, words: 'it does not say why' }
  return new DriverError(code, `The device refused: ${words} (${name}).`, {
    deviceCode: status
  })
}

const E_COULD_NOT_DECRYPT = 4
const E_AUTH_FAILURE = 5
const E_NOT_IN_TIME_WINDOW = 14

function invalid(message: string, code: unknown): DriverError {
  if (code === E_AUTH_FAILURE)
    return new DriverError('AUTH', reports[message] ?? 'The answer is not signed with our password.')
  if (code === E_COULD_NOT_DECRYPT)
    return new DriverError('AUTH', 'The answer cannot be decrypted: compare the password and protocol of privacy.')
  if (code === E_NOT_IN_TIME_WINDOW)
    return new DriverError('PROTOCOL', 'The answer is of another time: the clock of the SNMP engine there jumped.')
  return notSnmp()
}
