import { randomBytes } from 'node:crypto'
import type { RejectCode } from '../../../agent/policy/index.js'
import {
  type MsChap2Success,
  type NtKey,
  Vendor,
  verifyMsChap,
  verifyMsChap2
} from '../../../protocols/radius/index.js'
import type { Subscriber } from '../../../agent/model/index.js'
import type { AccessRequest } from '../access-request.js'
import { type Judgement, type Method, wrong } from './method.js'
import { mayEncrypt, microsoft, msChapKeys, sessionKeys } from './mppe.js'
import { NO_KEY, ntKeys } from './nt-keys.js'

// RFC 2548 §2.1, §2.3
const RESPONSE = 1
const ERROR = 2
const CHALLENGE = 11
const RESPONSE_2 = 25
const SUCCESS_2 = 26

/**
 * MS-CHAP: the password is known in clear text or as its NT hash. The NAS gets the keys to encrypt with (MPPE), and a
 * reject says why in the words that Windows and PPP know.
 * @see RFC 2433, RFC 2548 §2.1
 */
export const msChap: Method = (request, named) => {
  const response = request.packet.vsa(Vendor.Microsoft, RESPONSE)
  if (response === undefined) return undefined
  return judge(request, named, { response, sizeOfChallenge: 8, version: 2 }, key =>
    verifyMsChap(request.packet, key)
      ? () => msChapKeys(key.digest, request.packet.authenticator, request.secret)
      : undefined
  )
}

/** MS-CHAPv2, which also proves to the device that the password is known here. RFC 2759, RFC 2548 §2.3, RFC 3079 §3 */
export const msChap2: Method = (request, named) => {
  const response = request.packet.vsa(Vendor.Microsoft, RESPONSE_2)
  if (response === undefined) return undefined
  return judge(request, named, { response, sizeOfChallenge: 16, version: 3 }, key => {
    const right = verifyMsChap2(request.packet, request.userName, key)
    return right === undefined ? undefined : () => success(right, request)
  })
}

interface Asked {
  readonly response: Buffer
  readonly sizeOfChallenge: number
  /** What the peer learns of our version, and with it of the way to change a password. RFC 2433 §9, RFC 2759 §6 */
  readonly version: number
}

function judge(
  { packet }: AccessRequest,
  named: Subscriber | undefined,
  { response, sizeOfChallenge, version }: Asked,
  check: (key: NtKey) => (() => Buffer) | undefined
): Judgement {
  const challenge = packet.vsa(Vendor.Microsoft, CHALLENGE)
  if (response.length !== 50 || challenge?.length !== sizeOfChallenge) return wrong('MALFORMED_CREDENTIAL')
  const key = named === undefined ? undefined : ntKeys.of(named)
  const right = check(key ?? NO_KEY)
  const rejection = (code: RejectCode) =>
    microsoft(ERROR, Buffer.concat([response.subarray(0, 1), errorText(code, sizeOfChallenge, version)]))
  const no = (code: RejectCode): Judgement => ({ verdict: 'wrong', code, attributes: rejection('WRONG_CREDENTIAL') })
  if (named === undefined) return no('UNKNOWN_SUBSCRIBER')
  if (key === undefined) return no('NO_CREDENTIAL')
  return right === undefined
    ? no('WRONG_CREDENTIAL')
    : { verdict: 'right', subscriber: named, attributes: right(), rejection }
}

function success({ success, keys }: MsChap2Success, { packet, secret }: AccessRequest): Buffer {
  return Buffer.concat([
    microsoft(SUCCESS_2, success),
    sessionKeys(keys.send, keys.receive, packet.authenticator, secret),
    mayEncrypt
  ])
}

// RFC 2759 §6. 648 (expired) lets a device say so; R=1 lets it ask for another password, with the new challenge.
const errors: Partial<Record<RejectCode, readonly [number, string]>> = {
  EXPIRED: [648, 'Subscription has run out'],
  SUSPENDED: [647, 'Account disabled'],
  CLOSED: [647, 'Account disabled']
}
const WRONG = [691, 'Wrong user name or password'] as const
const REFUSED = [649, 'No permission to dial in'] as const

/** The text of MS-CHAP-Error and of EAP-MSCHAPv2's Failure. RFC 2433 §9, RFC 2759 §6 */
export function errorText(code: RejectCode, sizeOfChallenge = 16, version = 3, retry = true): Buffer {
  const [number, words] = code === 'WRONG_CREDENTIAL' ? WRONG : (errors[code] ?? REFUSED)
  const again = retry && number === 691 ? 1 : 0
  const challenge = randomBytes(sizeOfChallenge)
  return Buffer.from(`E=${number} R=${again} C=${challenge.toString('hex').toUpperCase()} V=${version} M=${words}`)
}
