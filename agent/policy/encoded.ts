import type { Logger } from 'pino'
import type { Dictionary } from '../../protocols/radius/index.js'
import type { AttributeValue, Profile, Subscriber, TreatmentKind, Vendor } from '../model/index.js'
import { vocabularies } from './attributes/index.js'
import { interimInterval } from './interim.js'
import { AttributeProblems } from './problems.js'
import { render } from './render.js'
import type { PolicySettings } from './settings.js'
import { type Pools, poolsOf } from './wants.js'

/** A part of an Access-Accept, ready for the wire. */
export interface Encoded {
  /** Whole attributes, headers included. */
  readonly octets: Buffer
  /** Seconds for Acct-Interim-Interval behind them; 0 where `octets` say it. Differs with the subscriber. */
  readonly interim: number
  /** Seconds for Session-Timeout behind them; 0 where nothing ends the session. A limit of the moment may be shorter. */
  readonly timeout: number
  /** Pools that the agent gives addresses out of itself: they are not among `octets`. */
  readonly pools: Pools
}

/** What an Access-Accept says of one session only. */
export interface Personal {
  readonly ipv4?: string | undefined
  readonly delegatedPrefix?: string | undefined
  /** Octets, up and down together, after which the NAS is to end the session. */
  readonly octets?: number | undefined
}

interface Kept {
  readonly kind: TreatmentKind
  readonly vendor: Vendor
  readonly profile: Profile | undefined
  /** Undefined where an attribute that restricts could not be encoded: nobody gets on with half a fence. */
  readonly octets: Buffer | undefined
  readonly ownInterval: boolean
  readonly timeout: number
  readonly pools: Pools
}

/* `octets` of all attributes together: room for Class, User-Name, keys of EAP methods and Proxy-State remains. */
const MOST = 3072
const INTERVAL = 'Acct-Interim-Interval'
const TIMEOUT = 'Session-Timeout'
const NOTHING = Buffer.alloc(0)
const UNKNOWN = {}

/**
 * What `render` says, as octets. Encoded once for all subscribers of a profile who have nothing of their own, and once
 * for each who has; documents are replaced whole, so the object itself is the key and an outdated entry just goes.
 */
export class AcceptEncoder {
  readonly #dictionary: Pick<Dictionary, 'encode'>
  readonly #settings: PolicySettings
  readonly #log: Logger
  readonly #problems: AttributeProblems
  readonly #kept = new WeakMap<object, Kept[]>()

  constructor(
    dictionary: Pick<Dictionary, 'encode'>,
    settings: PolicySettings,
    log: Logger,
    problems = new AttributeProblems()
  ) {
    this.#problems = problems
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
          interim: kept.ownInterval ? 0 : interimInterval(subscriber, profile, this.#settings),
          timeout: kept.timeout,
          pools: kept.pools
        }
  }

  /** What holds for one session only. A limit that the NAS cannot hold is left out: the agent counts in any case. */
  personal(vendor: Vendor, { ipv4, delegatedPrefix, octets }: Personal): Buffer {
    if (ipv4 === undefined && delegatedPrefix === undefined && octets === undefined) return NOTHING
    const say = vocabularies[vendor]
    const said = [
      ...(ipv4 === undefined ? [] : say.address(ipv4)),
      ...(delegatedPrefix === undefined ? [] : say.delegatedPrefix(delegatedPrefix)),
      ...(octets === undefined ? [] : (say.volume?.(octets) ?? []))
    ]
    return Buffer.concat(said.map(([name, value]) => this.#dictionary.encode(name, value)))
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
    const pools = this.#localPools(subscriber, profile, kind, vendor)
    const ours = ownPools(pools, vendor)
    const others = attributes.filter(
      ({ name, value }) => (name !== INTERVAL || value !== common) && name !== TIMEOUT && !ours.has(`${name}=${value}`)
    )
    const whose = key === subscriber ? `subscriber ${subscriber.id}` : `profile ${profile?.id}`
    const kept: Kept = {
      kind,
      vendor,
      profile,
      octets: this.#octetsOf(others, kind, whose),
      ownInterval: others.some(({ name }) => name === INTERVAL),
      timeout: Number(attributes.findLast(({ name }) => name === TIMEOUT)?.value ?? 0) >>> 0,
      pools
    }
    const current = (this.#kept.get(key) ?? []).filter(other => key !== subscriber || other.profile === profile)
    this.#kept.set(key, [...current, kept])
    return kept
  }

  #localPools(subscriber: Subscriber, profile: Profile | undefined, kind: TreatmentKind, vendor: Vendor): Pools {
    const { localPools } = this.#settings
    if (localPools === undefined) return NO_POOLS
    const { ipv4, ipv6 } = poolsOf(subscriber, profile, kind, vocabularies[vendor], this.#settings)
    const local = (name: string | undefined) => (name !== undefined && localPools.has(name) ? name : undefined)
    return { ipv4: local(ipv4), ipv6: local(ipv6) }
  }

  // What cannot be encoded is left out and told once: one wrong attribute in a document must not keep its subscribers off.
  #octetsOf(attributes: readonly AttributeValue[], kind: TreatmentKind, whose: string): Buffer | undefined {
    const parts: Buffer[] = []
    const problems: { attribute: string; why: string }[] = []
    let length = 0
    for (const { name, value } of attributes) {
      try {
        const octets = this.#dictionary.encode(name, value)
        if (length + octets.length > MOST) throw new RangeError(`the attributes exceed ${MOST} octets`)
        parts.push(octets)
        length += octets.length
      } catch (error) {
        problems.push({ attribute: name, why: (error as Error).message })
      }
    }
    for (const { attribute, why } of this.#problems.found(whose, problems))
      this.#log.warn(
        { attribute, why },
        `an attribute of ${whose} cannot be sent; further ones are shown by turnpike status`
      )
    return problems.length > 0 && kind !== 'full' ? undefined : Buffer.concat(parts)
  }
}

const NO_POOLS: Pools = { ipv4: undefined, ipv6: undefined }

/** How a NAS would be told the pools that are not its own. */
function ownPools({ ipv4, ipv6 }: Pools, vendor: Vendor): ReadonlySet<string> {
  const say = vocabularies[vendor]
  const said = [...(ipv4 === undefined ? [] : say.pool(ipv4)), ...(ipv6 === undefined ? [] : say.ipv6Pool(ipv6))]
  return new Set(said.map(([name, value]) => `${name}=${value}`))
}
