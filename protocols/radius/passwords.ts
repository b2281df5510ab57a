/*
 * Values hidden with the shared secret. None of this is encryption: whoever has the secret reads them, and a
 * wrong secret yields rubbish, not an error.
 */
import { randomInt, timingSafeEqual } from 'node:crypto'
import { Attr } from './attributes.js'
import { md5, type Secret } from './digest.js'
import { RadiusError } from './errors.js'
import type { Packet } from './packet.js'

const BLOCK = 16
const SALT = 2
const MAX_PASSWORD = 128

/**
 * Reads a hidden User-Password. RFC 2865 §5.2.
 * @param hidden         value of User-Password: 16, 32, … or 128 octets
 * @param authenticator  the request's authenticator
 * @returns the password without the zero octets that pad it; undefined if the value has another length
 */
export function decodeUserPassword(hidden: Buffer, authenticator: Buffer, secret: Secret): Buffer | undefined {
  if (hidden.length === 0 || hidden.length > MAX_PASSWORD || hidden.length % BLOCK !== 0) return undefined
  const plain = reveal(hidden, 0, secret, authenticator)
  let end = plain.length
  while (end > 0 && plain[end - 1] === 0) end--
  return plain.subarray(0, end)
}

/**
 * Hides a password for User-Password. RFC 2865 §5.2.
 * @returns 16, 32, … or 128 octets
 * @throws RadiusError `RAD_BAD_VALUE` above 128 octets
 */
export function encodeUserPassword(password: Buffer | string, authenticator: Buffer, secret: Secret): Buffer {
  const plain = Buffer.from(password)
  if (plain.length > MAX_PASSWORD) throw new RadiusError('RAD_BAD_VALUE', 'a User-Password holds at most 128 octets')
  return hide(padded(plain), 0, secret, authenticator)
}

/**
 * Reads a value hidden with a salt: Tunnel-Password (behind its tag) and Microsoft's MPPE keys.
 * @param hidden         salt of 2 octets, then 16, 32, … octets
 * @param authenticator  that of the request which the reply answers
 * @returns what was hidden, 0–239 octets; undefined if the lengths do not fit, as with a wrong secret
 * @see RFC 2868 §3.5, RFC 2548 §2.4.2
 */
export function decodeSalted(hidden: Buffer, authenticator: Buffer, secret: Secret): Buffer | undefined {
  const length = hidden.length - SALT
  if (length <= 0 || length % BLOCK !== 0) return undefined
  const plain = reveal(hidden, SALT, secret, authenticator, hidden.subarray(0, SALT))
  const size = plain[0]!
  return size < plain.length ? plain.subarray(1, 1 + size) : undefined
}

/**
 * Hides a value with a salt, for Tunnel-Password (behind its tag) and Microsoft's MPPE keys.
 * @param plain  0–239 octets
 * @param salt   two octets, the first bit 1, another for each attribute of a packet; default random
 * @throws RadiusError `RAD_BAD_VALUE`
 * @see RFC 2868 §3.5, RFC 2548 §2.4.2
 */
export function encodeSalted(plain: Buffer, authenticator: Buffer, secret: Secret, salt: Buffer = newSalt()): Buffer {
  if (plain.length > 239) throw new RadiusError('RAD_BAD_VALUE', 'a value hidden with a salt holds at most 239 octets')
  if (salt.length !== SALT) throw new RadiusError('RAD_BAD_VALUE', 'a salt holds 2 octets')
  const hidden = Buffer.allocUnsafe(SALT + Math.ceil((1 + plain.length) / BLOCK) * BLOCK)
  hidden.set(salt, 0)
  hidden[SALT] = plain.length
  hidden.set(plain, SALT + 1)
  for (let at = SALT + 1 + plain.length; at < hidden.length; at++) hidden[at] = 0
  return hide(hidden, SALT, secret, authenticator, salt)
}

/** A random salt: two octets of which the first bit is 1. RFC 2868 §3.5. */
export function newSalt(): Buffer {
  const salt = Buffer.allocUnsafe(SALT)
  salt.writeUInt16BE(0x8000 | randomInt(0x8000))
  return salt
}

/**
 * Ascend-Send-Secret and Ascend-Receive-Secret: 16 octets against MD5 over authenticator and secret.
 * Hiding and reading are the same. Longer values are cut, shorter ones padded with zero octets.
 */
export function ascendSecret(value: Buffer, authenticator: Buffer, secret: Secret): Buffer {
  const block = Buffer.alloc(BLOCK)
  value.copy(block)
  return xor(block, secret.maskBehind(authenticator))
}

/**
 * Checks the CHAP response of an Access-Request. RFC 2865 §2.2 and §5.3.
 * @param password  the subscriber's password in clear; text is taken as UTF-8
 * @returns false also if there is no CHAP-Password or it does not hold 17 octets
 */
export function verifyChap(packet: Packet, password: Buffer | string): boolean {
  const response = packet.octets(Attr.ChapPassword)
  if (response === undefined) return false
  return isChapResponse(response, packet.octets(Attr.ChapChallenge) ?? packet.authenticator, password)
}

/**
 * Whether a CHAP-Password answers a challenge. RFC 1994 §4.1, RFC 2865 §5.3.
 * @param response   CHAP identifier and 16 octets
 * @param challenge  CHAP-Challenge, or the Request Authenticator where the NAS sends none
 */
export function isChapResponse(response: Buffer, challenge: Buffer, password: Buffer | string): boolean {
  if (response.length !== 17) return false
  return timingSafeEqual(md5(response.subarray(0, 1), Buffer.from(password), challenge), response.subarray(1))
}

function padded(plain: Buffer): Buffer {
  return Buffer.concat([plain], Math.max(BLOCK, Math.ceil(plain.length / BLOCK) * BLOCK))
}

// In place, from `from` on. Each block is combined with a digest over the secret and the hidden block before it.
function hide(octets: Buffer, from: number, secret: Secret, authenticator: Buffer, salt?: Buffer): Buffer {
  secret.mask(octets, from, authenticator, 0, salt)
  for (let at = from + BLOCK; at < octets.length; at += BLOCK) secret.mask(octets, at, octets, at - BLOCK)
  return octets
}

function reveal(hidden: Buffer, from: number, secret: Secret, authenticator: Buffer, salt?: Buffer): Buffer {
  const plain = Buffer.allocUnsafe(hidden.length - from)
  hidden.copy(plain, 0, from)
  secret.mask(plain, 0, authenticator, 0, salt)
  for (let at = BLOCK; at < plain.length; at += BLOCK) secret.mask(plain, at, hidden, from + at - BLOCK)
  return plain
}

function xor(block: Buffer, mask: Buffer): Buffer {
  for (let i = 0; i < block.length; i++) block[i]! ^= mask[i]!
  return block
}
