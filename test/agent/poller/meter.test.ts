import t, { type Test } from 'tap'
import type { CounterSample } from '../../../agent/model/index.js'
import { type Meter, readMeter } from '../../../agent/poller/meter.js'

/* What one sample says against what was counted. */

const meter: Meter = {
  subscriber: 'ann',
  acctSessionId: 'poll:x',
  nas: 'sw-1',
  startedAt: 0,
  bits: 64,
  bootId: 'first',
  upBase: 0n,
  downBase: 0n
}

interface Case {
  readonly bits?: 32 | 64
  readonly last: readonly [up: bigint, down: bigint]
  readonly now: readonly [up: bigint, down: bigint]
  readonly boot?: string
  readonly used: readonly [up: bigint, down: bigint]
  readonly why?: RegExp
}

const WRAP = 2n ** 32n
const cases: Readonly<Record<string, Case>> = {
  'counters that grew': { last: [100n, 200n], now: [150n, 260n], used: [50n, 60n] },
  'the same reading again': { last: [100n, 200n], now: [100n, 200n], used: [0n, 0n] },
  'a restart after which nothing fell: its SNMP program restarted': {
    last: [100n, 200n],
    now: [101n, 202n],
    boot: 'second',
    used: [1n, 2n]
  },
  'a restart: what was used since counts': {
    last: [100_000n, 200_000n],
    now: [30n, 40n],
    boot: 'second',
    used: [30n, 40n],
    why: /the device restarted/
  },
  'counters that were cleared': { last: [100_000n, 200_000n], now: [30n, 0n], used: [30n, 0n], why: /were reset/ },
  'a restart that one counter overtook: it counts for what is certain': {
    last: [1000n, 5n],
    now: [30n, 40n],
    boot: 'second',
    used: [30n, 35n],
    why: /restarted/
  },
  'one counter that went back a little: nothing of it is billed twice': {
    last: [1_000_000n, 500n],
    now: [999_990n, 600n],
    used: [0n, 100n],
    why: /reset/
  },
  '64 bits after 32': { bits: 32, last: [1n, 1n], now: [5n, 5n], used: [0n, 0n], why: /64 bits/ }
}

function check(t: Test, { bits = 64, last, now, boot = 'first', used, why }: Case, sampleBits: 32 | 64): void {
  const [upOctets, downOctets] = now
  const sample: CounterSample = { key: 'interface:x', at: 1, upOctets, downOctets, bootId: boot, bits: sampleBits }
  const read = readMeter({ ...meter, bits }, { up: last[0], down: last[1], at: 0, seconds: 0 }, sample)
  t.strictSame([read.up.used, read.down.used], used)
  if (why === undefined) t.equal(read.why, undefined)
  else t.match(read.why, why)
  // Whoever counts on from here has the counters of the sample.
  for (const [counted, shown] of [
    [read.up, upOctets],
    [read.down, downOctets]
  ] as const)
    t.equal((counted.base + counted.used) % (sampleBits === 32 ? WRAP : WRAP ** 2n), shown)
}

for (const [name, of] of Object.entries(cases)) t.test(name, async t => check(t, of, 64))

t.test('32 bits that wrapped go on', async t => {
  check(t, { bits: 32, last: [WRAP - 10n, 5n], now: [90n, 6n], used: [100n, 1n] }, 32)
  check(t, { bits: 32, last: [7n * WRAP - 10n, 5n], now: [90n, 6n], used: [100n, 1n] }, 32)
})

t.test('32 bits that both fell, or fell far, or fell in another run of the device, began again', async t => {
  check(t, { bits: 32, last: [WRAP - 10n, WRAP - 10n], now: [90n, 6n], used: [90n, 6n], why: /reset/ }, 32)
  check(t, { bits: 32, last: [1_000_000n, 5n], now: [90n, 6n], used: [90n, 1n], why: /reset/ }, 32)
  check(t, { bits: 32, last: [WRAP - 10n, 5n], now: [90n, 6n], boot: 'second', used: [90n, 1n], why: /restarted/ }, 32)
})
