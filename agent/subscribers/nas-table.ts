import type { Nas } from '../model/index.js'
import { mask, parsePrefix, type Prefix } from './prefix.js'
import type { Replica } from './replica.js'

/** Addresses remembered; unknown sources count too, so a flood of them costs no more than this. */
const CACHE = 4096

/** Prefixes of one family: by length, longest first, then by masked address. */
type Lengths = (readonly [bits: number, byAddress: Map<bigint, Nas>])[]

/**
 * Who a source address is. NASes come from the configuration (`fixed`) and from billing; where both name the same id
 * or the same prefix, the configuration wins.
 */
export class NasTable {
  readonly #fixed: readonly Nas[]
  readonly #replica: Replica
  readonly #cache = new Map<string, Nas | undefined>()
  #byId = new Map<string, Nas>()
  #lengths: { 4: Lengths; 6: Lengths } = { 4: [], 6: [] }

  constructor(fixed: readonly Nas[], replica: Replica) {
    this.#fixed = fixed
    this.#replica = replica
    this.#build()
    replica.on('changed', changes => {
      if (changes.some(({ kind }) => kind === 'nas')) this.#build()
    })
  }

  /** The NAS whose address or prefix holds `address`, the longest prefix first. IPv4-mapped IPv6 counts as IPv4. */
  find(address: string): Nas | undefined {
    const known = this.#cache.get(address)
    if (known !== undefined || this.#cache.has(address)) return known
    const found = this.#lookUp(address)
    if (this.#cache.size >= CACHE) this.#forgetOldest()
    this.#cache.set(address, found)
    return found
  }

  byId(id: string): Nas | undefined {
    return this.#byId.get(id)
  }

  all(): Nas[] {
    return [...this.#byId.values()]
  }

  #lookUp(text: string): Nas | undefined {
    const at = parsePrefix(text)
    if (at === undefined) return undefined
    for (const [bits, byAddress] of this.#lengths[at.family]) {
      const found = byAddress.get(mask(at.family, at.address, bits))
      if (found !== undefined) return found
    }
    return undefined
  }

  #forgetOldest(): void {
    for (const oldest of this.#cache.keys()) {
      this.#cache.delete(oldest)
      return
    }
  }

  #build(): void {
    const byId = new Map(this.#fixed.map(nas => [nas.id, nas]))
    for (const nas of this.#replica.nases()) if (!byId.has(nas.id)) byId.set(nas.id, nas)
    const prefixes = [...byId.values()].flatMap(nas => prefixesOf(nas).map(prefix => ({ nas, prefix })))
    this.#byId = byId
    this.#lengths = { 4: byLength(prefixes, 4), 6: byLength(prefixes, 6) }
    this.#cache.clear()
  }
}

function prefixesOf(nas: Nas): Prefix[] {
  return nas.addresses.map(parsePrefix).filter(prefix => prefix !== undefined)
}

/** The first NAS to name a prefix keeps it. */
function byLength(all: readonly { nas: Nas; prefix: Prefix }[], family: 4 | 6): Lengths {
  const lengths = new Map<number, Map<bigint, Nas>>()
  for (const { nas, prefix } of all) {
    if (prefix.family !== family) continue
    const byAddress = lengths.get(prefix.bits) ?? new Map<bigint, Nas>()
    lengths.set(prefix.bits, byAddress)
    if (!byAddress.has(prefix.address)) byAddress.set(prefix.address, nas)
  }
  return [...lengths].sort(([a], [b]) => b - a)
}
