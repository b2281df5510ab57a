/*
 * Microsoft's challenge handshakes and the keys that follow from them. All of it rests on the NT hash of the
 * password: whoever has the hash can log on, so it is as secret as the password.
 */
import { timingSafeEqual } from 'node:crypto'
import { Vendor } from './attributes.js'
import { DES_SCHEDULE, desEncrypt, desSchedule } from './des.js'
import { RadiusError } from './errors.js'
import { md4 } from './md4.js'
import type { Packet } from './packet.js'
import { Sha1Ending, sha1 } from './sha1.js'

const CHAP_RESPONSE = 1
const CHAP_CHALLENGE = 11
const CHAP2_RESPONSE = 25
const MAX_NAME = 253

/** NT hash of a password: MD4 over its UTF-16LE; 16 octets. RFC 2433 §A.3, RFC 2759 §8.3. */
export function ntHash(password: string): Buffer {
  return md4(Buffer.from(password, 'utf16le'))
}

/** Digest of the NT hash: 16 octets. RFC 2759 §8.4. */
export function ntHashHash(hash: Buffer): Buffer {
  return md4(hash)
}

/**
 * An NT hash made ready for many logins: its three DES key schedules and its digest, 400 octets. Worth keeping, since
 * making it costs more than a login. As secret as the hash; prints as `[NT hash]`.
 */
export class NtKey {
  readonly #octets = new Uint8Array(3 * DES_SCHEDULE)
  /** {@link ntHashHash} of the hash. */
  readonly digest: Buffer

  /** @throws RadiusError `RAD_BAD_VALUE` unless the hash holds 16 octets */
  constructor(hash: Buffer) {
    if (hash.length !== 16) throw new RadiusError('RAD_BAD_VALUE', 'an NT hash holds 16 octets')
    const key = Buffer.concat([hash], 21)
    for (const i of [0, 1, 2]) desSchedule(key, 7 * i, this.#octets, DES_SCHEDULE * i)
    this.digest = ntHashHash(hash)
  }

  static of(hash: Buffer | NtKey): NtKey {
    return hash instanceof NtKey ? hash : new NtKey(hash)
  }

  /** The three keys' encryptions of eight octets, one behind the other: 24 octets. */
  encrypt(block: Buffer): Buffer {
    const to = Buffer.allocUnsafe(24)
    for (let i = 0; i < 3; i++) desEncrypt(this.#octets, DES_SCHEDULE * i, block, to, 8 * i)
    return to
  }

  toJSON(): string {
    return '[NT hash]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[NT hash]'
  }
}

/**
 * What a client answers to a challenge of 8 octets: the challenge under three DES keys cut from the hash.
 * @returns 24 octets
 * @throws RadiusError `RAD_BAD_VALUE` for other sizes
 * @see RFC 2433 §A.5, RFC 2759 §8.5
 */
export function msChapResponse(challenge: Buffer, hash: Buffer | NtKey): Buffer {
  if (challenge.length !== 8) throw new RadiusError('RAD_BAD_VALUE', 'MS-CHAP takes a challenge of 8 octets')
  return NtKey.of(hash).encrypt(challenge)
}

/**
 * What an MS-CHAPv2 client answers.
 * @param userName  without a domain before a backslash; see {@link withoutDomain}
 * @returns 24 octets
 * @see RFC 2759 §8.1
 */
export function msChap2Response(
  authenticatorChallenge: Buffer,
  peerChallenge: Buffer,
  userName: string,
  hash: Buffer | NtKey
): Buffer {
  return msChapResponse(challengeHash(peerChallenge, authenticatorChallenge, userName), hash)
}

/**
 * How the server proves that it knows the password too.
 * @returns `S=` and 40 hexadecimal digits
 * @see RFC 2759 §8.7
 */
export function msChap2AuthenticatorResponse(
  authenticatorChallenge: Buffer,
  peerChallenge: Buffer,
  userName: string,
  hash: Buffer | NtKey,
  ntResponse: Buffer
): string {
  return proofOf(challengeHash(peerChallenge, authenticatorChallenge, userName), hash, ntResponse)
}

function proofOf(challenge: Buffer, hash: Buffer | NtKey, ntResponse: Buffer): string {
  const proof = proofEnd.digest(20, proofBegin.digest(20, digestOf(hash), ntResponse), challenge)
  return `S=${proof.toString('hex').toUpperCase()}`
}

/** The part of a Windows user name behind its domain: `alice` of `OFFICE\alice`. RFC 2759 §4. */
export function withoutDomain(userName: string): string {
  return userName.slice(userName.lastIndexOf('\\') + 1)
}

/**
 * Checks the MS-CHAP response of an Access-Request. RFC 2548 §2.1.
 * @returns false also if the attributes are missing, have another size, or hold only a LAN Manager response
 */
export function verifyMsChap(packet: Packet, hash: Buffer | NtKey): boolean {
  const challenge = packet.vsa(Vendor.Microsoft, CHAP_CHALLENGE)
  const response = packet.vsa(Vendor.Microsoft, CHAP_RESPONSE)
  if (challenge?.length !== 8 || response?.length !== 50 || (response[1]! & 1) === 0) return false
  return timingSafeEqual(msChapResponse(challenge, hash), response.subarray(26))
}

/** What a right MS-CHAPv2 response leads to. */
export interface MsChap2Success {
  /** Value of MS-CHAP2-Success, which the reply must carry. RFC 2548 §2.3.3 */
  readonly success: Buffer
  /** Keys for MS-MPPE-Send-Key and MS-MPPE-Recv-Key, 16 octets each. RFC 3079 §3 */
  readonly keys: MppeKeys
}

/**
 * Checks the MS-CHAPv2 response of an Access-Request. RFC 2548 §2.3.2, RFC 2759.
 * @param userName  User-Name as received, with or without a domain
 * @param hash      NT hash of the subscriber's password
 * @returns what the reply needs; undefined if the response is wrong, missing or has another size
 */
export function verifyMsChap2(packet: Packet, userName: string, hash: Buffer | NtKey): MsChap2Success | undefined {
  const challenge = packet.vsa(Vendor.Microsoft, CHAP_CHALLENGE)
  const response = packet.vsa(Vendor.Microsoft, CHAP2_RESPONSE)
  if (challenge === undefined || response === undefined) return undefined
  return checkMsChap2(challenge, response, userName, hash)
}

/**
 * Checks a response to an MS-CHAPv2 challenge, whatever carried the two.
 * @param challenge  16 octets
 * @param response   value of MS-CHAP2-Response: identifier, flags, peer's challenge 16, reserved 8, response 24
 * @param userName   with or without a domain, as the peer has it; 253 octets at most
 * @returns undefined if the response is wrong or anything has another size
 */
export function checkMsChap2(
  challenge: Buffer,
  response: Buffer,
  userName: string,
  hash: Buffer | NtKey
): MsChap2Success | undefined {
  if (challenge.length !== 16 || response.length !== 50) return undefined
  const user = withoutDomain(userName)
  if (Buffer.byteLength(user) > MAX_NAME) return undefined
  const key = NtKey.of(hash)
  const ntResponse = response.subarray(26)
  const short = challengeHash(response.subarray(2, 18), challenge, user)
  if (!timingSafeEqual(key.encrypt(short), ntResponse)) return undefined
  const success = Buffer.allocUnsafe(43)
  success[0] = response[0]!
  success.write(proofOf(short, key, ntResponse), 1, 'latin1')
  return { success, keys: mppeKeys(key, ntResponse) }
}

/** Session keys as the server uses them. */
export interface MppeKeys {
  readonly send: Buffer
  readonly receive: Buffer
}

/**
 * 128-bit MPPE keys that follow from MS-CHAPv2, seen from the server.
 * @param ntResponse  the client's 24 octets
 * @see RFC 3079 §3.3–3.4
 */
export function mppeKeys(hash: Buffer | NtKey, ntResponse: Buffer): MppeKeys {
  const master = mppeMasterKey(hash, ntResponse)
  return { send: clientReceives.digest(16, master), receive: clientSends.digest(16, master) }
}

/** The key that both session keys follow from: 16 octets. RFC 3079 §3.4, GetMasterKey. */
export function mppeMasterKey(hash: Buffer | NtKey, ntResponse: Buffer): Buffer {
  return masterKey.digest(16, digestOf(hash), ntResponse)
}

// What is digested behind a key or a response: the texts of RFC 2759 §8.7 and RFC 3079 §3.4
const proofBegin = new Sha1Ending(16 + 24, Buffer.from('Magic server to client signing constant'))
const proofEnd = new Sha1Ending(20 + 8, Buffer.from('Pad to make it do more than one iteration'))
const masterKey = new Sha1Ending(16 + 24, Buffer.from('This is the MPPE Master Key'))
const clientSends = startKey('On the client side, this is the send key; on the server side, it is the receive key.')
const clientReceives = startKey('On the client side, this is the receive key; on the server side, it is the send key.')

function startKey(direction: string): Sha1Ending {
  return new Sha1Ending(16, Buffer.alloc(40), Buffer.from(direction), Buffer.alloc(40, 0xf2))
}

// RFC 2759 §8.2
function challengeHash(peerChallenge: Buffer, authenticatorChallenge: Buffer, userName: string): Buffer {
  return sha1([peerChallenge, authenticatorChallenge, Buffer.from(userName)], 8)
}

function digestOf(hash: Buffer | NtKey): Buffer {
  return hash instanceof NtKey ? hash.digest : ntHashHash(hash)
}
