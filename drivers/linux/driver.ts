import {
  type AnyDriver,
  type Applied,
  type Clock,
  type CounterSample,
  type Device,
  type Driver,
  DriverError,
  type Observation,
  type Operations,
  type RateLimit,
  type SessionRef,
  type SubscriberRef,
  type Treatment,
  Turns
} from '../../agent/model/index.js'
import { Counters } from './counters.js'
import { difference, type Element, fenced, isRate, rated, type Standing, standingOf, theirs } from './elements.js'
import { apply, listTable } from './nft.js'
import { type Programs, type Run, runner } from './run.js'
import { freeClass, Shaper } from './shaper.js'
import { type Fence, fences, rules, skeleton, TABLE } from './skeleton.js'
import { requireSomewhere, type Subject, subjectOf, subjectOfSession } from './subject.js'
import { readTarget, type Target } from './target.js'

/** What the driver needs to drive the box on which it runs. */
export interface LinuxOptions {
  readonly device: Device
  readonly clock: Clock
  /** Where the programs are, when not in the system's folders. Never from a document. */
  readonly programs?: Partial<Programs>
}

const capabilities = ['block', 'restore', 'change', 'observe', 'readCounters'] as const
type LinuxCapability = (typeof capabilities)[number]
type LinuxDriver = Omit<Driver<LinuxCapability>, 'capabilities'> & Pick<AnyDriver, 'setRate' | 'capabilities'>

/**
 * Drives the Linux gateway on which the agent runs: nftables fences, HTB shapes. Each change is one transaction, and is read
 * back, so that an answer is proof.
 * @throws DriverError `UNSUPPORTED` when the device document says something that is not understood
 */
export function linux(options: LinuxOptions): LinuxDriver {
  return new Linux(options)
}

/** What is wanted of one part of the elements. `rate: null` takes the rate away; undefined leaves it. */
interface Want {
  readonly fence?: Fence | null
  readonly rate?: { readonly limit: RateLimit; readonly kind: 'throttled' | 'full' } | null
}

class Linux implements LinuxDriver {
  readonly name = 'linux'
  readonly acts = 'line'
  readonly sees = 'itself'
  readonly capabilities: AnyDriver['capabilities']
  /** Absent where the document names no interfaces to shape on. */
  readonly setRate?: Operations['setRate']
  readonly #target: Target
  readonly #run: Run
  readonly #shaper: Shaper
  readonly #counters: Counters
  readonly #rules: number
  /** What is read must still stand when the change that rests on it is written. */
  readonly #turns = new Turns()
  #made = false

  constructor({ device, clock, programs }: LinuxOptions) {
    this.#target = readTarget(device)
    this.#run = runner({ nft: 'nft', tc: 'tc', ip: 'ip', ...programs }, this.#target.netns)
    this.#shaper = new Shaper(this.#run, this.#target)
    this.#counters = new Counters(this.#run, this.#target, clock)
    this.#rules = Object.values(rules(this.#target)).flat().length
    this.capabilities = this.#shaper.possible ? [...capabilities, 'setRate'] : capabilities
    if (this.#shaper.possible) this.setRate = (who, limit, signal) => this.#rate(subjectOf(who), limit, signal)
  }

  block(who: SubscriberRef, how: Treatment, signal: AbortSignal): Promise<Applied> {
    return this.#treat(subjectOf(who), how, signal)
  }

  change(session: SessionRef, how: Treatment, signal: AbortSignal): Promise<Applied> {
    return this.#treat(subjectOfSession(session), how, signal)
  }

  restore(who: SubscriberRef, signal: AbortSignal): Promise<Applied> {
    return this.#treat(subjectOf(who), { ...who.full, kind: 'full' }, signal)
  }

  async observe(who: SubscriberRef, signal: AbortSignal): Promise<Observation> {
    const subject = subjectOf(who)
    const standing = await this.#standing(signal)
    const found = standing === undefined ? [] : theirs(standing, subject)
    const treatment = seen(found)
    if (subject.addresses.length + subject.macs.length + found.length === 0)
      return {
        // That somebody is not here would be proof of a block; this box cannot tell.
        present: true,
        detail: 'No address and no MAC of the subscriber is known, and nothing on the box is about them.'
      }
    if (standing !== undefined && standing.rules < this.#rules && treatment !== 'full')
      return { present: true, detail: `The subscriber is in the sets (${treatment}), but rules of our table are gone.` }
    const rate = rateOf(found)
    return { present: true, treatment, ...(rate && { rate }), detail: words(subject, found) }
  }

  readCounters(signal: AbortSignal): AsyncIterable<CounterSample> {
    return this.#counters.read(signal)
  }

  async health(signal: AbortSignal): Promise<string> {
    const standing = await this.#standing(signal)
    if (standing === undefined) return 'nftables answers on this box; no fence of ours stands.'
    const fencing = new Set(standing.elements.filter(element => !isRate(element)).map(({ mark }) => mark)).size
    return `nftables answers on this box: ${fencing} fenced, ${classesOf(standing.elements).length} shaped.`
  }

  async close(): Promise<void> {}

  async #treat(subject: Subject, how: Treatment, signal: AbortSignal): Promise<Applied> {
    const { kind, rate: limit } = how
    if (kind === 'walled' || kind === 'blocked') {
      requireSomewhere(subject)
      return this.#make(subject, { fence: kind }, signal)
    }
    if (kind === 'throttled') {
      if (limit === undefined) throw new DriverError('UNSUPPORTED', 'The treatment "throttled" has no rate to set.')
      return this.#make(subject, { fence: null, rate: { limit, kind } }, signal)
    }
    const rate =
      limit === undefined || !this.#shaper.possible || subject.addresses.length === 0 ? null : { limit, kind }
    return this.#make(subject, { fence: null, rate }, signal)
  }

  #rate(subject: Subject, limit: RateLimit | undefined, signal: AbortSignal): Promise<Applied> {
    return this.#make(subject, { rate: limit === undefined ? null : { limit, kind: 'full' } }, signal)
  }

  #make(subject: Subject, want: Want, signal: AbortSignal): Promise<Applied> {
    return this.#turns.take(signal, () => this.#change(subject, want, signal))
  }

  async #change(subject: Subject, want: Want, signal: AbortSignal): Promise<Applied> {
    const standing = await this.#standing(signal)
    const found = standing === undefined ? [] : theirs(standing, subject)
    const classid = this.#classOf(found, standing, want)
    const wanted = this.#wanted(subject, found, want, classid)
    const reshaped = await this.#shape(subject, want, classid, signal)
    const commands = difference(found, wanted)
    const whole = this.#made && standing?.rules === this.#rules
    if (commands.length > 0 || !whole)
      await apply(this.#run, [...(whole ? [] : skeleton(this.#target)), ...commands], signal)
    this.#made = true
    if (want.rate === null) for (const old of classesOf(found)) await this.#shaper.remove(old, signal)
    if (commands.length > 0) await this.#prove(subject, wanted, signal)
    const detail = words(subject, wanted)
    return { result: commands.length > 0 || reshaped ? 'changed' : 'unchanged', detail, proof: detail }
  }

  #classOf(found: readonly Element[], standing: Standing | undefined, { rate }: Want): string | undefined {
    if (rate === null || rate === undefined) return undefined
    const [held] = classesOf(found)
    return held ?? freeClass(new Set(classesOf(standing?.elements ?? [])))
  }

  #wanted(subject: Subject, found: readonly Element[], { fence, rate }: Want, classid?: string): readonly Element[] {
    const kept = found.filter(element => (isRate(element) ? rate === undefined : fence === undefined))
    return [
      ...kept,
      ...(fence === null || fence === undefined ? [] : fenced(subject, fence)),
      ...(rate === null || rate === undefined || classid === undefined
        ? []
        : rated(subject, classid, `${rate.kind} ${rate.limit.up}/${rate.limit.down}`))
    ]
  }

  async #shape(subject: Subject, { rate }: Want, classid: string | undefined, signal: AbortSignal): Promise<boolean> {
    if (rate === null || rate === undefined || classid === undefined) return false
    if (subject.addresses.length === 0)
      throw new DriverError('NO_SUCH_SESSION', 'No address of the subscriber is known, so they cannot be shaped.')
    if (this.#shaper.possible && (await this.#shaper.has(classid, rate.limit, signal))) return false
    await this.#shaper.set(classid, rate.limit, signal)
    return true
  }

  async #prove(subject: Subject, wanted: readonly Element[], signal: AbortSignal): Promise<void> {
    const standing = await this.#standing(signal)
    const found = standing === undefined ? [] : theirs(standing, subject)
    if (standing?.rules === this.#rules && difference(found, wanted).length === 0) return
    throw new DriverError(
      'REJECTED',
      'The box took the change, but reading it back does not show it: who else writes our table?'
    )
  }

  async #standing(signal: AbortSignal): Promise<Standing | undefined> {
    const objects = await listTable(this.#run, TABLE, signal)
    return objects && standingOf(objects)
  }
}

function classesOf(elements: readonly Element[]): readonly string[] {
  return [...new Set(elements.flatMap(({ classid }) => classid ?? []))]
}

function seen(found: readonly Element[]): Treatment['kind'] {
  const fence = ['blocked' as const, 'walled' as const].find(kind => found.some(({ set }) => set.startsWith(kind)))
  return fence ?? (found.some(({ note }) => note.startsWith('throttled')) ? 'throttled' : 'full')
}

/** What was noted beside the mark of a class: its kind, and its bit/s up and down. */
function rateOf(found: readonly Element[]): RateLimit | undefined {
  const [, up, down] = /^\w+ (\d+)\/(\d+)$/.exec(found.find(isRate)?.note ?? '') ?? []
  return up === undefined ? undefined : { up: Number(up), down: Number(down) }
}

function words({ addresses, macs }: Subject, found: readonly Element[]): string {
  const where = [...addresses.map(({ text, length }) => `${text}/${length}`), ...macs].join(', ')
  const fence = fences.filter(kind => found.some(({ set }) => set.startsWith(kind))).join(', ')
  const note = found.find(isRate)?.note
  const rate = note === undefined ? '' : ` The class of HTB is ${note} bit/s (up/down).`
  return `${where || 'The subscriber'} ${fence === '' ? 'is in no set that fences.' : `is in the set "${fence}", which a rule refuses.`}${rate}`
}
