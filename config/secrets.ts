import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { ConfigError } from './errors.js'

/** A file is looked at again this often, in milliseconds, so that a rotated secret takes effect without a restart. */
const RECHECK = 1000
/** No shared secret, token or key is longer. */
const LARGEST = 64 * 1024
const OTHERS_READ_OR_WRITE = 0o006

interface Held {
  readonly octets: Buffer
  readonly stamp: string
  checkedAt: number
}

/**
 * Reads secrets by reference: `file:PATH`, `credential:NAME` (a file in systemd's $CREDENTIALS_DIRECTORY), `env:NAME`.
 * Files are kept in memory until they change. Errors name the reference, never what it holds.
 */
export class SecretStore {
  readonly #held = new Map<string, Held>()
  readonly #environment: NodeJS.ProcessEnv
  readonly #now: () => number

  constructor(options: { environment?: NodeJS.ProcessEnv; now?: () => number } = {}) {
    this.#environment = options.environment ?? process.env
    this.#now = options.now ?? (() => performance.now())
  }

  /**
   * The octets behind a reference; one trailing newline is not part of them. The buffer is the same until the secret
   * changes: do not write to it.
   * @throws ConfigError `SECRET_REFERENCE`, `SECRET_MISSING`, `SECRET_EXPOSED`, `SECRET_EMPTY`
   */
  resolve(reference: string): Buffer {
    const [, kind = '', name = ''] = /^(file|credential|env):(.+)$/s.exec(reference) ?? []
    if (kind === 'file') return this.#file(reference, resolve(name))
    if (kind === 'credential') return this.#file(reference, this.#credential(reference, name))
    if (kind === 'env') return this.#variable(name)
    throw new ConfigError(
      'SECRET_REFERENCE',
      'A secret is not named by a reference. Write file:PATH, credential:NAME or env:NAME; never the secret itself.'
    )
  }

  /** As `resolve`, as UTF-8 text: for tokens. */
  text(reference: string): string {
    return this.resolve(reference).toString('utf8')
  }

  #file(reference: string, path: string): Buffer {
    const held = this.#held.get(reference)
    const now = this.#now()
    if (held !== undefined && now - held.checkedAt < RECHECK) return held.octets
    const stamp = stampOf(reference, path)
    if (held?.stamp === stamp) {
      held.checkedAt = now
      return held.octets
    }
    const octets = notEmpty(reference, withoutNewline(readSecret(reference, path)))
    this.#held.set(reference, { octets, stamp, checkedAt: now })
    return octets
  }

  #credential(reference: string, name: string): string {
    const directory = this.#environment['CREDENTIALS_DIRECTORY']
    if (directory === undefined || directory === '') {
      throw new ConfigError(
        'SECRET_MISSING',
        `${reference} needs systemd: CREDENTIALS_DIRECTORY is not set. Start the agent by its unit, with LoadCredential=${name}:PATH in it, or use file:PATH.`
      )
    }
    if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) {
      throw new ConfigError(
        'SECRET_REFERENCE',
        `${reference}: a credential's name has letters, digits, dots and hyphens.`
      )
    }
    return join(directory, name)
  }

  #variable(name: string): Buffer {
    const value = this.#environment[name]
    if (value === undefined) {
      throw new ConfigError(
        'SECRET_MISSING',
        `env:${name}: the environment has no variable ${name}. Set it, or use file:PATH.`
      )
    }
    return notEmpty(`env:${name}`, withoutNewline(Buffer.from(value)))
  }
}

/** What tells one version of a file from the next. Refuses what others may read. */
function stampOf(reference: string, path: string): string {
  const found = attempt(reference, path, () => statSync(path))
  if (!found.isFile() || found.size > LARGEST) {
    throw new ConfigError('SECRET_MISSING', `${reference} is not a file of at most 64 KiB. Correct the path.`)
  }
  if ((found.mode & OTHERS_READ_OR_WRITE) !== 0) {
    throw new ConfigError(
      'SECRET_EXPOSED',
      `${reference} can be read or written by every user of this box. Run: chmod o= ${path} (and change the secret if others had accounts here).`
    )
  }
  return `${found.mtimeMs} ${found.ino} ${found.size}`
}

function readSecret(reference: string, path: string): Buffer {
  return attempt(reference, path, () => readFileSync(path))
}

function attempt<T>(reference: string, path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const reason =
      code === 'ENOENT'
        ? `there is no file ${path}. Create it`
        : code === 'EACCES'
          ? `this user may not read ${path}. Give the file to the agent's group: chgrp turnpike ${path} && chmod 640 ${path}`
          : `${path} cannot be read (${code}). Check it`
    throw new ConfigError('SECRET_MISSING', `${reference}: ${reason}.`, { file: path })
  }
}

function withoutNewline(octets: Buffer): Buffer {
  const end = octets.at(-1) === 0x0a ? (octets.at(-2) === 0x0d ? -2 : -1) : octets.length
  return octets.subarray(0, end)
}

function notEmpty(reference: string, octets: Buffer): Buffer {
  if (octets.length > 0) return octets
  throw new ConfigError('SECRET_EMPTY', `${reference} holds nothing. Put the secret into it.`)
}
