import { DriverError } from '../agent/model/index.js'

/**
 * What the secret store has for a device, without the end of its last line.
 * @param of  whose it is, in words
 * @throws DriverError `AUTH`, without the store's words: they may tell where secrets are
 */
export function readSecret(credential: () => string, of: string): string {
  try {
    return credential().replace(/\r?\n$/, '')
  } catch (cause) {
    throw new DriverError('AUTH', `The credential of ${of} cannot be read from the secret store.`, { cause })
  }
}

/** Who we are on a router. */
export interface Credential {
  readonly user: string
  readonly password: string
}

/**
 * The login that a credential holds: `{"user": "turnpike", "password": "…"}`, or `user:password` (the password is all behind the first
 * colon and may hold more).
 * @throws DriverError `AUTH`, without repeating what stands there
 */
export function loginOf(credential: () => string): Credential {
  const text = readSecret(credential, 'the router')
  const found = text.trimStart().startsWith('{') ? fromJson(text) : fromLine(text)
  if (found === undefined || found.user === '') {
    throw new DriverError(
      'AUTH',
      'The credential of the router is neither user:password nor {"user": …, "password": …}. Write it so in the secret store.'
    )
  }
  return found
}

function fromLine(text: string): Credential | undefined {
  const colon = text.indexOf(':')
  return colon === -1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

function fromJson(text: string): Credential | undefined {
  try {
    const { user, password } = JSON.parse(text) as Record<string, unknown>
    return typeof user === 'string' && typeof password === 'string' ? { user, password } : undefined
  } catch {
    return undefined
  }
}
