/*
 * Microsoft's challenge handshakes and the keys that follow from them. All of it rests on the NT hash of the
 * password: whoever has the hash can log on, so it is as secret as the password.
 */
import { createCipheriv, createHash, timingSafeEqual } from 'node:crypto'
import { Vendor } from './attributes.js'
import { RadiusError } from './errors.js'
import { md4 } from './md4.js'
import type { Packet } from './packet.js'

const CHAP_RESPONSE = 1
const CHAP_CHALLENGE = 11
const CHAP2_RESPONSE = 25

/** NT hash of a password: MD4 over its UTF-16LE; 16 octets. RFC 2433 §A.3, RFC 2759 §8.3. */
export function ntHash(password: string): Buffer {
  return md4(Buffer.from(password, 'utf16le'))
}

/** Digest of the NT hash: 16 octets. RFC 2759 §8.4. */
export function ntHashHash(hash: Buffer): Buffer {
  return md4(hash)
}

/**
 * What a client answers to a challenge of 8 octets: the challenge under three DES keys cut from the hash.
 * @returns 24 octets
 * @throws RadiusError `RAD_BAD_VALUE` for other sizes
 * @see RFC 2433 §A.5, RFC 2759 §8.5
 */
export function msChapResponse(challenge: Buffer, hash: Buffer): Buffer {
  if (challenge.length !== 8 || hash.length !== 16) {
    throw new RadiusError('RAD_BAD_VALUE', 'MS-CHAP takes a challenge of 8 octets and an NT hash of 16')
  }
  const keys = Buffer.concat([hash], 21)
  return Buffer.concat([0, 7, 14].map(at => des(keys.subarray(at, at + 7), challenge)))
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
  hash: Buffer
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
  hash: Buffer,
  ntResponse: Buffer
): string {
  const digest = sha1(ntHashHash(hash), ntResponse, SERVER_TO_CLIENT)
  const proof = sha1(digest, challengeHash(peerChallenge, authenticatorChallenge, userName), MORE_ITERATION)
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
export function verifyMsChap(packet: Packet, hash: Buffer): boolean {
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
export function verifyMsChap2(packet: Packet, userName: string, hash: Buffer): MsChap2Success | undefined {
  const challenge = packet.vsa(Vendor.Microsoft, CHAP_CHALLENGE)
  const response = packet.vsa(Vendor.Microsoft, CHAP2_RESPONSE)
  if (challenge?.length !== 16 || response?.length !== 50) return undefined
  const peer = response.subarray(2, 18)
  const ntResponse = response.subarray(26)
  const user = withoutDomain(userName)
  if (!timingSafeEqual(msChap2Response(challenge, peer, user, hash), ntResponse)) return undefined
  const proof = msChap2AuthenticatorResponse(challenge, peer, user, hash, ntResponse)
  const success = Buffer.concat([response.subarray(0, 1), Buffer.from(proof)])
  return { success, keys: mppeKeys(hash, ntResponse) }
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
export function mppeKeys(hash: Buffer, ntResponse: Buffer): MppeKeys {
  const master = mppeMasterKey(hash, ntResponse)
  return { send: startKey(master, CLIENT_RECEIVES), receive: startKey(master, CLIENT_SENDS) }
}

/** The key that both session keys follow from: 16 octets. RFC 3079 §3.4, GetMasterKey. */
export function mppeMasterKey(hash: Buffer, ntResponse: Buffer): Buffer {
  return sha1(ntHashHash(hash), ntResponse, MASTER_KEY).subarray(0, 16)
}

// The texts of RFC 2759 §8.7 and RFC 3079 §3.4
const SERVER_TO_CLIENT = Buffer.from('Magic server to client signing constant')
const MORE_ITERATION = Buffer.from('Pad to make it do more than one iteration')
const MASTER_KEY = Buffer.from('This is the MPPE Master Key')
const CLIENT_SENDS = Buffer.from('On the client side, this is the send key; on the server side, it is the receive key.')
const CLIENT_RECEIVES = Buffer.from(
  'On the client side, this is the receive key; on the server side, it is the send key.'
)
const PAD_1 = Buffer.alloc(40)
const PAD_2 = Buffer.alloc(40, 0xf2)

function startKey(master: Buffer, direction: Buffer): Buffer {
  return sha1(master, PAD_1, direction, PAD_2).subarray(0, 16)
}

// RFC 2759 §8.2
function challengeHash(peerChallenge: Buffer, authenticatorChallenge: Buffer, userName: string): Buffer {
  return sha1(peerChallenge, authenticatorChallenge, Buffer.from(userName)).subarray(0, 8)
}

function sha1(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha1')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

// Single DES is triple DES with the same key three times, which OpenSSL 3 still offers.
function des(key: Buffer, block: Buffer): Buffer {
  const withParity = spread(key)
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([withParity, withParity, withParity]), null)
  cipher.setAutoPadding(false)
  return Buffer.concat([cipher.update(block), cipher.final()])
}

// 56 bits of key to eight octets of seven bits each; DES ignores the parity bits
function spread(key: Buffer): Buffer {
  const bits = BigInt(`0x${key.toString('hex')}`)
  return Buffer.from(Array.from({ length: 8 }, (_, i) => Number((bits >> BigInt(49 - 7 * i)) & 0x7fn) << 1))
}
