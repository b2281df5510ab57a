import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from './config.js'
import type { SecretStore } from './secrets.js'

/** The keys that seal documents, and where the present one comes from, for people. */
export interface SealKeys {
  readonly key: Buffer
  readonly previous: readonly Buffer[]
  readonly from: string
  /** True where the key was made just now: a copy of it belongs in a safe place. */
  readonly made: boolean
}

/**
 * Reads the sealing keys. Where the configuration names none, the file `seal.key` in the data directory is it; it is
 * made, for this user alone, where it is missing.
 * @throws ConfigError as `SecretStore.resolve`; what the file system throws where the file cannot be made
 */
export function sealKeys({ sealing, data }: Pick<Config, 'sealing' | 'data'>, secrets: SecretStore): SealKeys {
  const previous = sealing.previous.map(reference => secrets.resolve(reference))
  if (sealing.key !== undefined) return { key: secrets.resolve(sealing.key), previous, from: sealing.key, made: false }
  const path = join(data, 'seal.key')
  const made = !existsSync(path)
  if (made) makeKey(data, path)
  return { key: secrets.resolve(`file:${path}`), previous, from: path, made }
}

/** Whole and on the disk before anything is sealed with it: a power cut must not leave documents without their key. */
function makeKey(directory: string, path: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o750 })
  const fresh = `${path}.new`
  writeFileSync(fresh, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true })
  renameSync(fresh, path)
  const entry = openSync(directory, 'r')
  fsyncSync(entry)
  closeSync(entry)
}
