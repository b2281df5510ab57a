import { createHash } from 'node:crypto'

/*
 * The salted hash `$6$rounds=N$salt$hash` of crypt(3), which glibc and most systems keep passwords in. Written after
 * «Unix crypt using SHA-256 and SHA-512» by Ulrich Drepper; the numbers are the steps of that text.
 */
const DEFAULT_ROUNDS = 5000
const MIN_ROUNDS = 1000
const MAX_ROUNDS = 1_000_000 // the text allows 999,999,999, which is twenty minutes of work for one login
const SIZE = 64
const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const FORM = /^\$6\$(?:rounds=(\d{1,9})\$)?([^$]{0,16})[^$]*\$([./0-9A-Za-z]{86})$/

/** What a stored form says. `rounds` is as it applies, 1000–1,000,000. */
export interface Sha512Crypt {
  readonly rounds: number
  readonly salt: Buffer
  /** 86 characters. */
  readonly hash: string
}

/** Reads a stored form; undefined where it is none. */
export function parseSha512Crypt(stored: string): Sha512Crypt | undefined {
  const [, rounds, salt, hash] = FORM.exec(stored) ?? []
  if (salt === undefined || hash === undefined) return undefined
  const asked = rounds === undefined ? DEFAULT_ROUNDS : Number(rounds)
  if (asked > MAX_ROUNDS) return undefined
  return { rounds: Math.max(MIN_ROUNDS, asked), salt: Buffer.from(salt), hash }
}

/** The hash of a password: 86 characters. Takes milliseconds: not for the main thread. */
export function sha512Crypt(password: Buffer, salt: Buffer, rounds: number): string {
  const b = sha512(password, salt, password) // 4–8
  const a = sha512(password, salt, repeated(b, password.length), ...mixed(password, b)) // 1–3, 9–12
  const p = repeated(sha512(...Array.from(password, () => password)), password.length) // 13–16
  const s = repeated(sha512(...Array.from({ length: 16 + a[0]! }, () => salt)), salt.length) // 17–20
  let c = a
  for (let i = 0; i < rounds; i++) c = round(i, c, p, s) // 21
  return encoded(c)
}

function round(i: number, c: Buffer, p: Buffer, s: Buffer): Buffer {
  const odd = (i & 1) !== 0
  const digest = createHash('sha512').update(odd ? p : c)
  if (i % 3 !== 0) digest.update(s)
  if (i % 7 !== 0) digest.update(p)
  return digest.update(odd ? c : p).digest()
}

// Step 11: for each bit of the length, the lowest first, digest B or the password
function mixed(password: Buffer, b: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push((bits & 1) === 0 ? password : b)
  return parts
}

function repeated(digest: Buffer, length: number): Buffer {
  return Buffer.concat(
    Array.from({ length: Math.ceil(length / SIZE) }, () => digest),
    length
  )
}

function sha512(...parts: readonly Buffer[]): Buffer {
  const digest = createHash('sha512')
  for (const part of parts) digest.update(part)
  return digest.digest()
}

// Step 22: three octets become four characters; which three is a rotation of (i, i+21, i+42)
function encoded(c: Buffer): string {
  let text = ''
  for (let i = 0; i < 21; i++) {
    const three = [c[i]!, c[i + 21]!, c[i + 42]!]
    const turn = i % 3
    text += characters((three[turn]! << 16) | (three[(turn + 1) % 3]! << 8) | three[(turn + 2) % 3]!, 4)
  }
  return text + characters(c[63]!, 2)
}

function characters(value: number, count: number): string {
  return Array.from({ length: count }, (_, i) => ALPHABET[(value >> (6 * i)) & 63]).join('')
}
