import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLedger, openStore } from '../agent/ledger/index.js'
import type { LevelLedger } from '../agent/ledger/index.js'
import type { Entry } from '../agent/model/index.js'

/*
 * How many records a second become durable, how long one waits, and how fast they are read: records of 300 octets,
 * appended in batches by many at once. Beside it, in the same run, the same records as one synced put each and as
 * batches of puts: what grouping them into blocks is worth.
 */
const PAYLOAD = 300
const parent = process.argv[2] ?? tmpdir()

interface Figures {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly cpuMicroseconds: number
}

function entriesOf(count: number): Entry[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 1,
    time: 1_795_000_000_000,
    payload: Buffer.alloc(PAYLOAD, index)
  }))
}

/** Lets `many` append batches, one behind the other each, until `total` records are durable. */
async function measure(
  total: number,
  many: number,
  batch: number,
  append: (entries: Entry[]) => Promise<void>
): Promise<Figures> {
  const entries = entriesOf(batch)
  const waits: number[] = []
  const started = performance.now()
  const cpu = process.cpuUsage()
  let left = total
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= batch
      const from = performance.now()
      await append(entries)
      waits.push(performance.now() - from)
    }
  }
  await Promise.all(Array.from({ length: many }, one))
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  waits.sort((left, right) => left - right)
  return {
    perSecond: Math.round(total / seconds),
    p50: rounded(waits[Math.floor(waits.length / 2)]),
    p99: rounded(waits[Math.floor(waits.length * 0.99)]),
    cpuMicroseconds: rounded((user + system) / total)
  }
}

function rounded(value = 0): number {
  return Math.round(value * 100) / 100
}

function say(what: string, { perSecond, p50, p99, cpuMicroseconds }: Figures): void {
  const figures = [`${perSecond}/s`, `p50 ${p50} ms`, `p99 ${p99} ms`, `${cpuMicroseconds} µs CPU a record`]
  process.stdout.write(`${what.padEnd(44)} ${figures.join('  ')}\n`)
}

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(parent, 'turnpike-bench-'))
  try {
    return await work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** One record, one synced put: what a plain key-value log would do. */
function singly(total: number): Promise<Figures> {
  return inDirectory(async directory => {
    const store = await openStore(directory)
    let next = 0
    const figures = await measure(total, 400, 1, ([entry]) => {
      const key = Buffer.alloc(8)
      key.writeUInt32BE(next++, 4)
      return store.put(key, entry?.payload ?? key, { sync: true })
    })
    await store.close()
    return figures
  })
}

/** A put for each record, in batches that are synced together. */
function batched(total: number): Promise<Figures> {
  return inDirectory(async directory => {
    const store = await openStore(directory)
    let next = 0
    const figures = await measure(total, 1, 400, entries => {
      const puts = entries.map(({ payload }) => {
        const key = Buffer.alloc(8)
        key.writeUInt32BE(next++, 4)
        return { type: 'put', key, value: payload } as const
      })
      return store.batch(puts, { sync: true })
    })
    await store.close()
    return figures
  })
}

function ledger<T>(work: (ledger: LevelLedger) => Promise<T>): Promise<T> {
  return inDirectory(async directory => {
    const opened = await openLedger({ directory })
    await opened.checkCapacity()
    try {
      return await work(opened)
    } finally {
      await opened.close()
    }
  })
}

function appending(total: number, many: number, batch: number): Promise<Figures> {
  return ledger(opened => measure(total, many, batch, entries => opened.append(entries).durable))
}

async function reading(): Promise<{ readPerSecond: number; reopenMilliseconds: number }> {
  return inDirectory(async directory => {
    const written = await openLedger({ directory })
    await measure(200_000, 40, 10, entries => written.append(entries).durable)
    await written.close()
    const from = performance.now()
    const opened = await openLedger({ directory })
    const reopenMilliseconds = rounded(performance.now() - from)
    const started = performance.now()
    let count = 0
    for await (const piece of opened.read(1)) if ('records' in piece) count += piece.records.length
    const readPerSecond = Math.round(count / ((performance.now() - started) / 1000))
    await opened.close()
    return { readPerSecond, reopenMilliseconds }
  })
}

await appending(20_000, 40, 10)
const putEach = await singly(4_000)
say('LevelDB, one synced put a record', putEach)
const putBatches = await batched(40_000)
say('LevelDB, batches of 400 puts, synced', putBatches)
const ones = await appending(100_000, 400, 1)
say('ledger, 400 append one record each', ones)
const tens = await appending(200_000, 40, 10)
say('ledger, 40 append 10 records each', tens)
const crowd = await appending(200_000, 400, 10)
say('ledger, 400 append 10 records each', crowd)
const alone = await appending(2_000, 1, 1)
say('ledger, one appends one record', alone)
const { readPerSecond, reopenMilliseconds } = await reading()
process.stdout.write(`${'ledger, reading'.padEnd(44)} ${readPerSecond}/s after ${reopenMilliseconds} ms to open\n`)

process.stdout.write(
  `${JSON.stringify({
    bench: 'ledger',
    octets: PAYLOAD,
    recordsPerSecond: tens.perSecond,
    p50Milliseconds: tens.p50,
    p99Milliseconds: tens.p99,
    cpuMicrosecondsPerRecord: tens.cpuMicroseconds,
    recordsPerSecondSingly: ones.perSecond,
    recordsPerSecondCrowd: crowd.perSecond,
    aloneMilliseconds: alone.p50,
    readPerSecond,
    reopenMilliseconds,
    ratioToPutEach: rounded(tens.perSecond / putEach.perSecond),
    ratioToPutBatches: rounded(tens.perSecond / putBatches.perSecond)
  })}\n`
)
