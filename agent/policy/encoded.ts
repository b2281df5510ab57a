import type { Logger } from 'pino'
import type { Dictionary } from '../../protocols/radius/index.js'
import type { AttributeValue, Profile, Subscriber, TreatmentKind, Vendor } from '../model/index.js'
import { interimInterval } from './interim.js'
import { render } from './render.js'
import type { PolicySettings } from './settings.js'

/** A part of an Access-Accept, ready for the wire. */
export interface Encoded {
  /** Whole attributes, headers included. */
  readonly octets: Buffer
  /** Seconds for Acct-Interim-Interval behind them; 0 where `octets` say it. Differs with the subscriber. */
  readonly interim: number
}

interface Kept {
  readonly kind: TreatmentKind
  readonly vendor: Vendor
  readonly profile: Profile | undefined
  /** Undefined where an attribute that restricts could not be encoded: nobody gets on with half a fence. */
  readonly octets: Buffer | undefined
  readonly ownInterval: boolean
}

/* `octets` of all attributes together: room for Class, User-Name, keys of EAP methods and Proxy-State remains. */
const MOST = 3072
const INTERVAL = 'Acct-Interim-Interval'
const UNKNOWN = {}

/**
 * What `render` says, as octets. Encoded once for all subscribers of a profile who have nothing of their own, and once
 * for each who has; documents are replaced whole, so the object itself is the key and an outdated entry just goes.
 */
export class AcceptEncoder {
  readonly #dictionary: Pick<Dictionary, 'encode'>
  readonly #settings: PolicySettings
  readonly #log: Logger
  readonly #kept = new WeakMap<object, Kept[]>()

  constructor(dictionary: Pick<Dictionary, 'encode'>, settings: PolicySettings, log: Logger) {
    this.#dictionary = dictionary
    this.#settings = settings
    this.#log = log
  }

  /**
   * The attributes of a treatment.
   * @param kind  one that the NAS can be told: `feasible` says which
   * @returns undefined when the treatment restricts and cannot be said whole: the subscriber must be refused
   */
  encode(
    subscriber: Subscriber,
    profile: Profile | undefined,
    kind: TreatmentKind,
    vendor: Vendor
  ): Encoded | undefined {
    const personal = subscriber.addresses !== undefined || subscriber.attributes !== undefined
    const key = personal ? subscriber : (profile ?? UNKNOWN)
    const kept = this.#find(key, profile, kind, vendor) ?? this.#make(key, subscriber, profile, kind, vendor)
    return kept.octets === undefined
      ? undefined
      : {
          octets: kept.octets,
          interim: kept.ownInterval ? 0 : interimInterval(subscriber, profile, this.#settings)
        }
  }

  #find(key: object, profile: Profile | undefined, kind: TreatmentKind, vendor: Vendor): Kept | undefined {
    const all = this.#kept.get(key)
    if (all === undefined) return undefined
    for (const kept of all) {
      if (kept.kind === kind && kept.vendor === vendor && kept.profile === profile) return kept
    }
    return undefined
  }

  #make(key: object, subscriber: Subscriber, profile: Profile | undefined, kind: TreatmentKind, vendor: Vendor): Kept {
    const { attributes } = render(subscriber, profile, kind, '', vendor, this.#settings)
    const common = interimInterval(subscriber, profile, this.#settings)
    const others = attributes.filter(({ name, value }) => name !== INTERVAL || value !== common)
    const kept: Kept = {
      kind,
      vendor,
      profile,
      octets: this.#octetsOf(
        others,
        kind,
        key === subscriber ? `subscriber ${subscriber.id}` : `profile ${profile?.id}`
      ),
      ownInterval: others.some(({ name }) => name === INTERVAL)
    }
    const current = (this.#kept.get(key) ?? []).filter(other => key !== subscriber || other.profile === profile)
    this.#kept.set(key, [...current, kept])
    return kept
  }

  // What cannot be encoded is left out and told once: one wrong attribute in a document must not keep its subscribers off.
  #octetsOf(attributes: readonly AttributeValue[], kind: TreatmentKind, whose: string): Buffer | undefined {
    const parts: Buffer[] = []
    let length = 0
    for (const { name, value } of attributes) {
      try {
        const octets = this.#dictionary.encode(name, value)
        if (length + octets.length > MOST) throw new RangeError(`the attributes exceed ${MOST} octets`)
        parts.push(octets)
        length += octets.length
      } catch (error) {
        this.#log.warn({ attribute: name, why: (error as Error).message }, `an attribute of ${whose} cannot be sent`)
        if (kind !== 'full') return undefined
      }
    }
    return Buffer.concat(parts)
  }
}
