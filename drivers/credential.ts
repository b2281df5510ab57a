import { DriverError } from '../../agent/model/index.js'

/** Who we are on the router. */
export interface Credential {
  readonly user: string
  readonly password: string
}

/**
 * Reads a credential: `{"user": "turnpike", "password": "…"}`, or `user:password` (the password is all behind the first
 * colon and may hold more).
 * @throws DriverError `AUTH`, without repeating what stands there
 */
export function parseCredential(text: string): Credential {
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
  const line = text.replace(/\r?\n$/, '')
  const colon = line.indexOf(':')
  return colon === -1 ? undefined : { user: line.slice(0, colon), password: line.slice(colon + 1) }
}

function fromJson(text: string): Credential | undefined {
  try {
    const { user, password } = JSON.parse(text) as Record<string, unknown>
    return typeof user === 'string' && typeof password === 'string' ? { user, password } : undefined
  } catch {
    return undefined
  }
}
