import type { Nas } from '../agent/model/index.js'
import type { ConfigFile, NasEntry } from './schema.js'

/**
 * What the agent is told, complete: durations in milliseconds (policy: seconds), sizes in octets, rates in bit/s,
 * paths absolute, secrets as references for the SecretStore.
 */
export type Config = Omit<ConfigFile, 'nas' | 'cloud'> & {
  /** The file it was read from; undefined when there was none and the defaults hold. */
  readonly file: string | undefined
  /** The NASes, as documents of the model. */
  readonly nas: readonly Nas[]
  readonly cloud?: CloudConfig
}

/** Billing in the cloud; `token` and `key` are references, `ca` and `certificate` absolute paths of PEM files. */
export type CloudConfig = NonNullable<ConfigFile['cloud']> & { readonly source: string }

/** A checked file before units are read. */
export interface RawConfig {
  readonly radius?: {
    readonly authentication?: readonly string[]
    readonly accounting?: readonly string[]
    readonly eap?: { readonly ca?: string; readonly crl?: string }
  }
  readonly nas?: readonly NasEntry[]
  readonly cloud?: NonNullable<ConfigFile['cloud']>
  readonly proxy?: { readonly realms?: readonly { readonly realm: string }[] }
}
