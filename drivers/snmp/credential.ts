import { DriverError } from '../../agent/model/index.js'
import { readSecret } from '../credential.js'
import type { Security } from './target.js'

/** What proves who we are. Never repeated in words. */
export interface Credential {
  /** v2c: the community. v3: the password of authentication. */
  readonly auth: string
  /** v3: the password of privacy. */
  readonly priv: string
}

/**
 * Reads what `Device.credentialRef` names. v2c: the community. v3: `{"auth": "…", "priv": "…"}`, or two lines, or one
 * password for both. RFC 3414 §11.2 asks for 8 characters at least.
 * @throws DriverError `AUTH`, without repeating what stands there
 */
export function readCredential(resolve: () => string, v3: Security | undefined): Credential {
  const text = readSecret(resolve, 'the device').replace(/[\r\n]+$/, '')
  const found = v3 !== undefined && text.startsWith('{') ? fromJson(text) : fromLines(text, v3 !== undefined)
  if (v3 === undefined ? found?.auth === '' : !longEnough(found, v3)) {
    throw new DriverError(
      'AUTH',
      v3 === undefined
        ? 'The community of the device is empty. Write it into the secret store.'
        : 'The credential of the device is neither {"auth": …, "priv": …} nor passwords on one or two lines, of 8 characters or more each. Write it so in the secret store.'
    )
  }
  return found as Credential
}

function longEnough(found: Credential | undefined, { level }: Security): boolean {
  if (found === undefined) return level === 'noAuthNoPriv'
  if (level === 'noAuthNoPriv') return true
  return found.auth.length >= 8 && (level === 'authNoPriv' || found.priv.length >= 8)
}

function fromLines(text: string, two: boolean): Credential {
  const [first = '', second = first] = two ? text.split(/\r?\n/) : [text]
  return { auth: first, priv: second }
}

function fromJson(text: string): Credential | undefined {
  try {
    const { auth, priv = auth } = JSON.parse(text) as Record<string, unknown>
    return typeof auth === 'string' && typeof priv === 'string' ? { auth, priv } : undefined
  } catch {
    return undefined
  }
}
