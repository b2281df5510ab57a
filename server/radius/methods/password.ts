import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Subscriber } from '../../../agent/model/index.js'
import { Hashing } from './hashing.js'
import { type Judgement, wrong } from './method.js'
import { isSalted } from './salted.js'

/** Compared with where there is nothing to compare with, so that this takes as long. Nobody can type it. */
const DUMMY = randomBytes(24).toString('base64')
const SIZE = 128 // the longest User-Password
const stored = Buffer.alloc(SIZE)
const given = Buffer.alloc(SIZE)

/**
 * The password of a subscriber in clear text; undefined where there is none or only a salted hash (`$6$…`, `$scrypt$…`).
 */
export function clearPassword(subscriber: Subscriber | undefined): string | undefined {
  const password = subscriber?.credentials?.password
  return password === undefined || isSalted(password) ? undefined : password
}

/**
 * Checks what was given against a subscriber's password.
 * @param matches  whether a clear-text password fits; called once in every case
 */
export function judge(subscriber: Subscriber | undefined, matches: (password: string) => boolean): Judgement {
  const password = clearPassword(subscriber)
  const fits = matches(password ?? DUMMY)
  if (subscriber === undefined) return wrong('UNKNOWN_SUBSCRIBER')
  if (password === undefined) return wrong('NO_CREDENTIAL')
  return fits ? { verdict: 'right', subscriber } : wrong('WRONG_CREDENTIAL')
}

const hashing = new Hashing()
let usual: string | undefined

/**
 * Checks a password that was given in clear text, also against a salted hash: then the answer is a promise. Where salted
 * hashes are in use at all, every wrong answer takes as long as one, whoever it is for.
 */
export function checkPassword(subscriber: Subscriber | undefined, octets: Buffer): Judgement | Promise<Judgement> {
  const quick = judge(subscriber, password => isPassword(password, octets))
  if (quick.verdict === 'right') return quick
  const password = subscriber?.credentials?.password
  const salted = password !== undefined && isSalted(password) ? password : undefined
  usual = salted ?? usual
  return usual === undefined ? quick : checkSlowly(subscriber, salted, usual, octets, quick)
}

async function checkSlowly(
  subscriber: Subscriber | undefined,
  salted: string | undefined,
  usual: string,
  octets: Buffer,
  quick: Judgement
): Promise<Judgement> {
  const checked = await hashing.check(usual, octets)
  if (checked === 'busy') return { verdict: 'silent', outcome: 'busy' }
  if (salted === undefined || subscriber === undefined) return quick
  if (checked === 'unreadable')
    return { verdict: 'wrong', code: 'NO_CREDENTIAL', detail: 'Its salted hash cannot be read.' }
  return checked === 'right' ? { verdict: 'right', subscriber } : wrong('WRONG_CREDENTIAL')
}

/** Whether a password is what was given, in a time that tells nothing about either. Above 128 octets: false. */
export function isPassword(password: string, octets: Buffer): boolean {
  const length = stored.fill(0).write(password)
  given.fill(0)
  octets.copy(given)
  const same = timingSafeEqual(stored, given)
  return same && length === octets.length && length === Buffer.byteLength(password)
}
