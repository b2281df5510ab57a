import type { Subscriber } from '../model/index.js'
import { ProvisioningError } from './errors.js'

/** What secrets are looked up in. */
export interface SecretSources {
  /** The agent's secret store. @throws Error that says what is wrong with the reference, never what it holds */
  readonly secretOf: (reference: string) => string
  readonly subscriber: (id: string) => Subscriber | undefined
}

/**
 * What stands for a secret in an order of billing: never the secret itself, which would lie in the table of commands.
 * @throws ProvisioningError `PROVISIONING_SECRET`
 */
export function fromBilling(sources: SecretSources, name: string, given: string): string {
  const password = ofSubscriber(sources, given)
  if (password !== undefined) return password
  if (!/^(file|credential|env):/.test(given)) {
    const words = `The value ${name} is a secret: billing names it by a reference (file:PATH, credential:NAME, env:NAME, subscriber:ID), never by itself.`
    throw new ProvisioningError('PROVISIONING_SECRET', words)
  }
  try {
    return sources.secretOf(given)
  } catch (cause) {
    throw new ProvisioningError('PROVISIONING_SECRET', cause instanceof Error ? cause.message : String(cause), {
      cause
    })
  }
}

/** A secret from the local API: itself, or `subscriber:ID`. @throws ProvisioningError `PROVISIONING_SECRET` */
export function fromHere(sources: SecretSources, _name: string, given: string): string {
  return ofSubscriber(sources, given) ?? given
}

/** The password of `subscriber:ID`; undefined where something else stands there. */
function ofSubscriber({ subscriber }: SecretSources, given: string): string | undefined {
  const [, id] = /^subscriber:(.+)$/.exec(given) ?? []
  if (id === undefined) return undefined
  const password = subscriber(id)?.credentials?.password
  if (password !== undefined && !/^\$(6|scrypt)\$/.test(password)) return password
  const why =
    subscriber(id) === undefined
      ? 'there is no such subscriber'
      : password === undefined
        ? 'billing has sent no password for them'
        : 'their password is stored as a salted hash only'
  throw new ProvisioningError('PROVISIONING_SECRET', `${given} cannot be used: ${why}.`)
}
