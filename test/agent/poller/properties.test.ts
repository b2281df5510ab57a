import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import type { CounterSample } from '../../../agent/model/index.js'
import { Metering } from '../../../agent/poller/metering.js'
import { Sessions } from '../../../agent/sessions/index.js'
import { settle } from '../enforcement/time.js'
import { MemoryLedger } from '../sessions/memory-ledger.js'
import { billed, log, subscriber } from './house.js'

/* The bill is what the counters counted, whatever is killed between which two writes. */

// The same cases in every run; FC_SEED tries others.
fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 4711) })

t.setTimeout(120_000)

const T0 = Date.UTC(2026, 10, 27, 10)
const BIG = 10_000_000
const WRAP = 2n ** 32n
const settings = { interimInterval: 60, missed: 2, grace: 600, keepSynthetic: 3600, keepEnded: 600 }

type Step =
  | { readonly do: 'use'; readonly up: number; readonly down: number }
  | {
      readonly do:
        | 'poll'
        | 'poll-again'
        | 'reboot'
        | 'clear'
        | 'refuse'
        | 'silence'
        | 'forget'
        | 'move'
        | 'move-late'
        | 'release'
        | 'release-late'
    }
  /** A poll that is killed after so many writes. */
  | { readonly do: 'kill'; readonly after: number; readonly what: 'poll' | 'release' }

/** A port of a device, the agent that polls it, and what was truly used since it was first polled. */
class World {
  readonly ledger = new MemoryLedger()
  readonly used = { ann: { up: 0n, down: 0n }, bob: { up: 0n, down: 0n } }
  #sessions!: Sessions
  #metering!: Metering
  #counters = { up: 77n, down: 99n }
  #owner: 'ann' | 'bob' = 'ann'
  #boot = 1
  #at = T0
  #last: CounterSample | undefined
  readonly #bits: 32 | 64

  constructor(bits: 32 | 64) {
    this.#bits = bits
  }

  async open(): Promise<void> {
    const { ledger } = this
    this.#sessions = await Sessions.open({ ledger, clock: () => this.#at, log, settings })
    const replica = { subscriber: (id: string) => subscriber(id, ['sw/ge1']) }
    this.#metering = await Metering.open({ ledger, sessions: this.#sessions, replica, log })
  }

  /** Sessions that go on. */
  live(): number {
    return [...this.#sessions.list()].filter(({ state }) => state !== 'closed').length
  }

  async do(step: Step): Promise<void> {
    switch (step.do) {
      case 'use':
        return this.#use(step.up, step.down)
      case 'poll':
        return this.#poll()
      case 'poll-again':
        return this.#take(this.#last ?? this.#sample())
      case 'reboot':
      case 'clear':
        return this.#reset(step.do === 'reboot')
      case 'refuse':
        this.ledger.failures = 1
        await this.#poll().catch(() => undefined)
        this.ledger.failures = 0
        return
      case 'silence':
        return this.#quiet(900)
      case 'forget':
        await this.#quiet(8000)
        return this.#poll()
      case 'move':
      case 'move-late':
        await this.#poll()
        if (step.do === 'move-late') await this.#quiet(8000)
        this.#owner = this.#owner === 'ann' ? 'bob' : 'ann'
        return this.#poll()
      case 'release':
      case 'release-late':
        await this.#poll()
        if (step.do === 'release-late') await this.#quiet(8000)
        await this.#metering.release('sw', ['ge1'])
        return this.#poll()
      default:
        return this.#kill(step.after, step.what)
    }
  }

  #use(up: number, down: number): void {
    const used = this.used[this.#owner]
    used.up += BigInt(up)
    used.down += BigInt(down)
    this.#counters.up += BigInt(up)
    this.#counters.down += BigInt(down)
  }

  /** Counters that stand high before and low after: whatever comes next, the fall is seen. */
  async #reset(boot: boolean): Promise<void> {
    await this.#poll()
    this.#use(BIG, BIG)
    await this.#poll()
    this.#counters = { up: 0n, down: 0n }
    if (boot) this.#boot++
  }

  #sample(): CounterSample {
    const { up, down } = this.#counters
    const [upOctets, downOctets] = this.#bits === 32 ? [up % WRAP, down % WRAP] : [up, down]
    const sample = {
      key: 'interface:ge1',
      at: this.#at,
      upOctets,
      downOctets,
      bits: this.#bits,
      bootId: `${this.#boot}`
    }
    this.#last = sample
    return sample
  }

  async #poll(): Promise<void> {
    this.#at += 61_300
    await this.#take(this.#sample())
  }

  #take(sample: CounterSample): Promise<void> {
    return this.#metering.take('sw', 'sw', [{ port: 'ge1', owner: this.#owner, sample }])
  }

  async #quiet(seconds: number): Promise<void> {
    for (let passed = 0; passed < seconds; passed += 60) {
      this.#at += 60_000
      await this.#sessions.sweep(this.#at)
    }
  }

  /** What is not synced after `writes` writes is gone, and the agent starts again. */
  async #kill(writes: number, what: 'poll' | 'release'): Promise<void> {
    if (what === 'release') await this.#poll()
    this.ledger.held = true
    this.#at += 61_300
    const work = what === 'poll' ? this.#take(this.#sample()) : this.#metering.release('sw', ['ge1'])
    work.catch(() => undefined)
    for (let n = 0; n < writes; n++) {
      await settle(3)
      this.ledger.flush()
    }
    await settle(3)
    this.ledger.crash()
    this.ledger.held = false
    await this.open()
    // Nobody has used anything since: so who was released, or half begun, begins here.
    if (what === 'release') await this.#poll()
  }
}

const use = fc.record({ do: fc.constant('use' as const), up: fc.nat(1000), down: fc.nat(1000) })
const plain = fc
  .constantFrom('poll', 'poll-again', 'refuse', 'silence', 'forget', 'move', 'move-late', 'release', 'release-late')
  .map(verb => ({ do: verb }) as Step)
const reset = fc.constantFrom('reboot', 'clear').map(verb => ({ do: verb }) as Step)
const kill = fc.record({
  do: fc.constant('kill' as const),
  after: fc.nat(5),
  what: fc.constantFrom('poll' as const, 'release' as const)
})

async function run(bits: 32 | 64, steps: readonly Step[]): Promise<World> {
  const world = new World(bits)
  await world.open()
  await world.do({ do: 'poll' })
  let before = { ann: billed(world.ledger, 'ann'), bob: billed(world.ledger, 'bob') }
  for (const step of [...steps, { do: 'poll' } as const]) {
    await world.do(step)
    const now = { ann: billed(world.ledger, 'ann'), bob: billed(world.ledger, 'bob') }
    for (const who of ['ann', 'bob'] as const)
      for (const way of ['up', 'down'] as const) {
        if (now[who][way] < before[who][way]) throw new Error(`${who} is billed less ${way} than before`)
        if (now[who][way] > world.used[who][way]) throw new Error(`${who} is billed more ${way} than was used`)
      }
    if (world.live() > 1) throw new Error(`${world.live()} sessions go on at one port`)
    before = now
  }
  return world
}

t.test('64 bits: every octet once, through kills, refusals, restarts, silence and changes of hands', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(use, use, plain, reset, kill), { maxLength: 25 }), async steps => {
      const { ledger, used } = await run(64, steps)
      assert.deepEqual([billed(ledger, 'ann'), billed(ledger, 'bob')], [used.ann, used.bob])
    }),
    { numRuns: Number(process.env['FC_RUNS'] ?? 150) }
  )
})

t.test('32 bits: a counter that wraps again and again is billed whole', async () => {
  const much = fc.record({
    do: fc.constant('use' as const),
    up: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    down: fc.nat(9)
  })
  const polled = much.map(step => [step, { do: 'poll' } as Step])
  const killed = fc
    .tuple(
      much,
      kill.map(step => ({ ...step, what: 'poll' }) as Step)
    )
    .map(pair => [...pair, { do: 'poll' } as Step])
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(polled, killed), { maxLength: 15 }), async rounds => {
      const { ledger, used } = await run(32, rounds.flat())
      assert.deepEqual(billed(ledger, 'ann'), used.ann)
    }),
    { numRuns: Number(process.env['FC_RUNS'] ?? 60) }
  )
})
