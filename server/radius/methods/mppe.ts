import { encodeSalted, encodeUserPassword, newSalt, type Secret, Vendor } from '../../../protocols/radius/index.js'

// RFC 2548 §2.4
const MS_CHAP_MPPE_KEYS = 12
const MPPE_ENCRYPTION_POLICY = 7
const MPPE_ENCRYPTION_TYPES = 8
const MPPE_SEND_KEY = 16
const MPPE_RECV_KEY = 17

/** Vendor-Specific with its vendor, and Microsoft's own type and length. */
const HEADERS = 8

const ALLOWED = 1
const BITS_128 = 4
const BITS_40_OR_128 = 6

/** A vendor's attribute with its headers. @param value  247 octets at most */
export function microsoft(type: number, value: Buffer): Buffer {
  const octets = Buffer.allocUnsafe(HEADERS + value.length)
  put(octets, 0, type, value)
  return octets
}

function put(to: Buffer, at: number, type: number, value: Buffer): number {
  to[at] = 26
  to[at + 1] = HEADERS + value.length
  to.writeUInt32BE(Vendor.Microsoft, at + 2)
  to[at + 6] = type
  to[at + 7] = 2 + value.length
  return at + HEADERS + value.copy(to, at + HEADERS)
}

/**
 * MS-MPPE-Send-Key and MS-MPPE-Recv-Key, hidden with salts that differ. RFC 2548 §2.4.2–2.4.3
 * @param authenticator  of the request that the Access-Accept answers
 */
export function sessionKeys(send: Buffer, receive: Buffer, authenticator: Buffer, secret: Secret): Buffer {
  const salt = newSalt()
  const sending = encodeSalted(send, authenticator, secret, salt)
  salt[1]! ^= 1
  const receiving = encodeSalted(receive, authenticator, secret, salt)
  const octets = Buffer.allocUnsafe(2 * HEADERS + sending.length + receiving.length)
  put(octets, put(octets, 0, MPPE_SEND_KEY, sending), MPPE_RECV_KEY, receiving)
  return octets
}

const may = (types: number) =>
  Buffer.concat([
    microsoft(MPPE_ENCRYPTION_POLICY, Buffer.from([0, 0, 0, ALLOWED])),
    microsoft(MPPE_ENCRYPTION_TYPES, Buffer.from([0, 0, 0, types]))
  ])

/** MS-MPPE-Encryption-Policy and -Types: encryption is allowed, with 40 or 128 bits. RFC 2548 §2.4.4–2.4.5 */
export const mayEncrypt = may(BITS_40_OR_128)

/**
 * MS-CHAP-MPPE-Keys and what may be done with them. The key of the LAN Manager hash is zero: nobody has that hash, so
 * only 128 bits are allowed. RFC 2548 §2.4.1
 * @param hashHash  digest of the NT hash, 16 octets
 */
export function msChapKeys(hashHash: Buffer, authenticator: Buffer, secret: Secret): Buffer {
  const keys = Buffer.alloc(32)
  hashHash.copy(keys, 8)
  return Buffer.concat([microsoft(MS_CHAP_MPPE_KEYS, encodeUserPassword(keys, authenticator, secret)), only128])
}

const only128 = may(BITS_128)
