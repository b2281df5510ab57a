import type { AttributeValue, Profile, Subscriber, Treatment, TreatmentKind, Vendor } from '../model/index.js'
import { vocabularies } from './attributes/index.js'
import type { Said } from './attributes/vocabulary.js'
import { interimInterval } from './interim.js'
import type { PolicySettings } from './settings.js'
import { feasible, rateOf, saidByProfile, saidOfAddresses } from './wants.js'

type Extras = Readonly<Record<string, string | number>>

/**
 * A treatment in the vocabulary of a NAS: the whole Access-Accept but for what the request decides (Class, User-Name).
 * A document's own attributes replace the table's of the same name, those of the subscriber beat the profile's, and the
 * vendor's beat `all`; where the subscriber does not get everything the table stands, and they may add to it only.
 * @returns `kind` may be worse than what was asked for, where the NAS cannot be told that (see `feasible`); `reason`
 *   then says so
 */
export function render(
  subscriber: Subscriber,
  profile: Profile | undefined,
  kind: TreatmentKind,
  reason: string,
  vendor: Vendor,
  settings: PolicySettings
): Treatment {
  const possible = feasible(kind, vendor, settings)
  const words =
    possible === kind ? reason : `${reason}; a NAS of the kind «${vendor}» cannot be told «${kind}»: ${possible}`
  if (possible === 'blocked') return { kind: possible, reason: words, attributes: [] }
  const rate = rateOf(profile, possible, settings)
  const list = possible === 'walled' ? fenceName(vendor, settings) : undefined
  return {
    kind: possible,
    reason: words,
    ...(rate?.up !== undefined && rate.down !== undefined && { rate: { up: rate.up, down: rate.down } }),
    ...(list !== undefined && { list }),
    attributes: attributesOf(subscriber, profile, possible, vendor, settings)
  }
}

function attributesOf(
  subscriber: Subscriber,
  profile: Profile | undefined,
  kind: TreatmentKind,
  vendor: Vendor,
  settings: PolicySettings
): AttributeValue[] {
  const say = vocabularies[vendor]
  const table: Said = [
    ...saidOfAddresses(subscriber, profile, kind, say, settings),
    ...saidByProfile(profile, kind, say, settings),
    ...say.interimInterval(interimInterval(subscriber, profile, settings))
  ]
  const layers = [profile?.attributes?.['all'], profile?.attributes?.[vendor], subscriber.attributes]
  const full = kind === 'full'
  return layers.reduce<AttributeValue[]>(
    (below, extras) => (full ? overlay(below, extras) : underlay(below, extras, say.service)),
    table.map(([name, value]) => ({ name, value }))
  )
}

function overlay(below: AttributeValue[], extras: Extras | undefined): AttributeValue[] {
  if (extras === undefined) return below
  const added = listed(extras)
  const names = new Set(added.map(keyOf))
  return [...below.filter(attribute => !names.has(keyOf(attribute))), ...added]
}

function underlay(below: AttributeValue[], extras: Extras | undefined, service: readonly string[]): AttributeValue[] {
  if (extras === undefined) return below
  const names = new Set(below.map(keyOf))
  const added = listed(extras).filter(extra => !names.has(keyOf(extra)) && !service.includes(bare(extra.name)))
  return [...below, ...added]
}

function listed(extras: Extras): AttributeValue[] {
  return Object.entries(extras).map(([name, value]) => ({ name, value }))
}

/** What must not be said twice: an attribute, and of an AVPair (`ip:addr-pool=A`) what stands before the `=`. */
function keyOf({ name, value }: AttributeValue): string {
  return name.endsWith('-AVPair') ? `${name} ${String(value).split('=', 1)[0]}` : name
}

// Without the tag: Tunnel-Type:1
function bare(name: string): string {
  return name.replace(/:\d+$/, '')
}

function fenceName(vendor: Vendor, { walledGarden }: PolicySettings): string | undefined {
  return vendor === 'mikrotik' ? walledGarden.addressList : (walledGarden.filter ?? walledGarden.pool)
}
