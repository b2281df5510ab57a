import { scryptSync, timingSafeEqual } from 'node:crypto'
import { parseSha512Crypt, sha512Crypt } from './sha512-crypt.js'

const SCRYPT =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{1,88})={0,2}\$([A-Za-z0-9+/]{22,88})={0,2}$/
const MOST_MEMORY = 256 << 20

/** Whether a password is one that is stored as a salted hash. */
export function isSalted(password: string): boolean {
  return /^\$(6|scrypt)\$/.test(password)
}

/**
 * Compares a password with its salted hash: `$6$…` (SHA-512 crypt), `$scrypt$ln=15,r=8,p=1$salt$hash` (base64). Takes
 * milliseconds on purpose: not for the main thread.
 * @returns undefined where the stored form cannot be read or asks for more than 256 MiB or 10⁶ rounds
 */
export function checkSalted(stored: string, password: Buffer): boolean | undefined {
  const crypt = parseSha512Crypt(stored)
  if (crypt === undefined) return checkScrypt(stored, password)
  const hash = sha512Crypt(password, crypt.salt, crypt.rounds)
  return timingSafeEqual(Buffer.from(hash), Buffer.from(crypt.hash))
}

// The PHC string format
function checkScrypt(stored: string, password: Buffer): boolean | undefined {
  const [, ln, r, p, salt, hash] = SCRYPT.exec(stored) ?? []
  if (salt === undefined || hash === undefined) return undefined
  const want = Buffer.from(hash, 'base64')
  const options = { N: 2 ** Number(ln), r: Number(r), p: Number(p), maxmem: MOST_MEMORY }
  try {
    return timingSafeEqual(scryptSync(password, Buffer.from(salt, 'base64'), want.length, options), want)
  } catch {
    return undefined // parameters that OpenSSL refuses
  }
}
