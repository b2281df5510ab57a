import {
  type AnyDriver,
  type Applied,
  DriverError,
  type Observation,
  type RateLimit,
  type SubscriberRef,
  type Treatment,
  type TreatmentKind
} from '../../../agent/model/index.js'

/** The answer to a call, which comes when the test says so. */
export class LateAnswer {
  resolve!: (applied: Applied) => void
  reject!: (error: Error) => void
  readonly promise = new Promise<Applied>((resolve, reject) => Object.assign(this, { resolve, reject }))
}

/** A device that keeps what it was told of whom, and tells it when it is read. */
export class FakeDevice {
  readonly driver: AnyDriver
  readonly asked: { readonly verb: string; readonly who: SubscriberRef }[] = []
  /** By subscriber, or by port where the device is a switch. */
  readonly has = new Map<string, TreatmentKind>()
  /** What it answers a call with; undefined: it obeys. */
  failure: DriverError | undefined
  /** It does what it is told, and the answer is lost. */
  mute = false
  /** It answers no reading, and takes no rate, before this. */
  gate: Promise<void> | undefined
  /** It cannot be read. */
  blind = false
  /** How often it was read. */
  readings = 0
  /** Rates by subscriber, `UP/DOWN`. */
  readonly rates = new Map<string, string>()
  readonly #byPort: boolean
  readonly #limits: boolean

  /** @param limits  whether it can hold a line to a rate */
  constructor(name: 'mikrotik' | 'linux' | 'snmp', limits = false) {
    this.#limits = limits
    this.#byPort = name === 'snmp'
    this.driver = {
      name,
      acts: this.#byPort ? 'port' : 'line',
      sees: name === 'mikrotik' ? 'all' : 'itself',
      capabilities: ['block', 'restore', 'observe', ...(limits ? (['setRate'] as const) : [])],
      health: async () => {
        if (this.failure !== undefined) throw this.failure
        return 'it answers'
      },
      close: async () => undefined,
      block: (who, how, signal) => this.#set('block', who, how.kind, signal),
      restore: (who, signal) => this.#set('restore', who, 'full', signal),
      ...(limits && { setRate: (who, rate) => this.#rate(who, rate) }),
      observe: async who => {
        await this.gate
        if (this.blind) throw new DriverError('TIMEOUT', 'it cannot be read')
        return this.#observe(who)
      }
    }
  }

  get verbs(): string[] {
    return this.asked.map(({ verb }) => verb)
  }

  async #set(verb: string, who: SubscriberRef, kind: Treatment['kind'], signal: AbortSignal): Promise<Applied> {
    this.asked.push({ verb, who })
    if (this.failure !== undefined) throw this.failure
    const keys = this.#keys(who)
    const changed = keys.some(key => (this.has.get(key) ?? 'full') !== kind)
    for (const key of keys) this.has.set(key, kind)
    if (this.mute) await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
    if (this.mute) throw new DriverError('TIMEOUT', 'the answer was lost')
    if (this.#limits && kind === 'full') this.#put(who, who.rated === true ? who.full.rate : undefined)
    const detail = `${keys.join(', ')} has ${kind}`
    return { result: changed ? 'changed' : 'unchanged', detail, proof: detail }
  }

  async #rate(who: SubscriberRef, rate: RateLimit | undefined): Promise<Applied> {
    this.asked.push({ verb: 'setRate', who })
    if (this.failure !== undefined) throw this.failure
    await this.gate
    const result = this.#put(who, rate)
    const detail = `${who.id} has ${this.rates.get(who.id) ?? 'no rate'}`
    return { result, detail, proof: detail }
  }

  #put({ id }: SubscriberRef, rate: RateLimit | undefined): Applied['result'] {
    const before = this.rates.get(id)
    if (rate === undefined) this.rates.delete(id)
    else this.rates.set(id, `${rate.up}/${rate.down}`)
    return this.rates.get(id) === before ? 'unchanged' : 'changed'
  }

  #observe(who: SubscriberRef): Observation {
    const kinds = this.#keys(who).map(key => this.has.get(key) ?? 'full')
    const treatment = kinds[0] ?? 'full'
    const [up, down] = (this.rates.get(who.id) ?? '').split('/').map(Number)
    const rate = down === undefined ? {} : { rate: { up: up ?? 0, down } }
    this.readings++
    return { present: true, treatment, ...rate, detail: `it has ${treatment}` }
  }

  #keys(who: SubscriberRef): readonly string[] {
    return this.#byPort ? (who.ports ?? []) : [who.id]
  }
}
