import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openStore } from '../../../agent/ledger/index.js'
import type { LedgerState, LevelLedger, Store } from '../../../agent/ledger/index.js'
import { openAt, overriding, temporary } from './places.js'
import type { Tap } from './suite.js'
import { codeOf, collect, entries, entry, sequences } from './suite.js'

/*
 * A store that fails like LevelDB does: once a write has failed, every write does until the store is opened again.
 * A failed write may have reached the disk all the same; the store's memory does not show it, the next one's does.
 */
class Failing {
  /** The error of the next write; none when undefined. */
  next: Error | undefined
  /** Whether that write reaches the disk all the same. */
  reaches = false
  /** How often opening fails from now on. */
  refuse = 0
  opened = 0

  readonly open = async (location: string): Promise<Store> => {
    if (this.refuse > 0) {
      this.refuse--
      throw Object.assign(new Error('IO error: Input/output error'), { code: 'LEVEL_IO_ERROR' })
    }
    this.opened++
    return this.#wrap(await openStore(location))
  }

  #wrap(store: Store): Store {
    let poisoned: Error | undefined
    let landed: (() => Promise<void>) | undefined
    const writing =
      (write: () => Promise<void>): (() => Promise<void>) =>
      async () => {
        if (poisoned !== undefined) throw poisoned
        if (this.next === undefined) return write()
        poisoned = this.next
        this.next = undefined
        if (this.reaches) landed = write
        throw poisoned
      }
    const own: Partial<Store> = {
      put: (key, value, options) => {
        const copy = Buffer.from(value)
        return writing(() => store.put(key, copy, options))()
      },
      batch: (operations, options) => {
        const copy = operations.map(each => (each.type === 'put' ? { ...each, value: Buffer.from(each.value) } : each))
        return writing(() => store.batch(copy, options))()
      },
      close: async () => {
        await landed?.()
        await store.close()
      }
    }
    return overriding(store, own)
  }
}

const EIO = (): Error =>
  Object.assign(new Error('IO error: 000005.log: Input/output error'), { code: 'LEVEL_IO_ERROR' })

/** Remembers the states of a ledger and lets a test wait for one. */
class States {
  readonly seen: string[] = []
  #waiting: { words: RegExp; resolve: () => void }[] = []

  readonly note = ({ status, words }: LedgerState): void => {
    this.seen.push(status)
    for (const waiter of this.#waiting) if (waiter.words.test(words)) waiter.resolve()
  }

  next(words: RegExp): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push({ words, resolve })
    })
  }
}

const TAKEN = /are taken and synced/
const NO_ROOM = /no room for the reserve/

interface Broken {
  readonly ledger: LevelLedger
  readonly failing: Failing
  readonly states: States
  readonly directory: string
}

/** A ledger with three records whose writes can be made to fail. */
async function breakable(t: Tap): Promise<Broken> {
  const failing = new Failing()
  const states = new States()
  const directory = temporary(t)
  const backoff = { first: 1, most: 4 }
  const ledger = await openAt(t, directory, { openStore: failing.open, onState: states.note, backoff })
  await ledger.append(entries(1, 3)).durable
  return { ledger, failing, states, directory }
}

for (const reaches of [false, true]) {
  const where = reaches ? 'and yet reached the disk' : 'and did not reach the disk'

  t.test(`a write that failed ${where} counts for nothing and its numbers are given again`, async t => {
    const { ledger, failing, states, directory } = await breakable(t)
    const recovered = states.next(TAKEN)
    failing.next = EIO()
    failing.reaches = reaches
    const lost = ledger.append([entry('lost')])
    t.equal(await codeOf(lost.durable), 'LEDGER_BROKEN')
    t.same([lost.first, ledger.next, ledger.durableHead], [4, 4, 3])
    await recovered
    const again = ledger.append([entry('kept')])
    t.equal(again.first, 4)
    await again.durable
    t.same(
      (await collect(ledger.read(4))).records.map(({ payload }) => payload.toString()),
      ['record kept']
    )
    await ledger.close()
    const reopened = await openAt(t, directory)
    t.same(
      (await collect(reopened.read(4))).records.map(({ payload }) => payload.toString()),
      ['record kept']
    )
    t.equal(reopened.epoch, ledger.epoch)
  })

  t.test(`after a write that failed ${where} tables and cursors are as before`, async t => {
    const { ledger, failing, states, directory } = await breakable(t)
    await ledger.write([
      { table: 't', key: 'old', value: Buffer.from('before') },
      { table: 't', key: 'gone', value: Buffer.from('before') }
    ])
    const recovered = states.next(TAKEN)
    failing.next = EIO()
    failing.reaches = reaches
    const changes = [
      ledger.write([
        { table: 't', key: 'old', value: Buffer.from('after') },
        { table: 't', key: 'gone', value: undefined },
        { table: 't', key: 'new', value: Buffer.from('after') }
      ]),
      ledger.advance('uplink', 2),
      ledger.append([entry('lost')]).durable
    ]
    t.same(await Promise.all(changes.map(codeOf)), ['LEDGER_BROKEN', 'LEDGER_BROKEN', 'LEDGER_BROKEN'])
    await recovered
    await ledger.close()
    const reopened = await openAt(t, directory)
    t.same(await Promise.all(['old', 'gone', 'new'].map(async key => (await reopened.get('t', key))?.toString())), [
      'before',
      'before',
      undefined
    ])
    t.same([reopened.cursor('uplink'), ledger.cursor('uplink'), reopened.durableHead], [0, 0, 3])
  })
}

t.test('while it is broken everything is refused at once, reading waits, and then all goes on', async t => {
  const { ledger, failing, states } = await breakable(t)
  const recovered = states.next(TAKEN)
  failing.refuse = 3
  failing.next = EIO()
  const { durable } = ledger.append([entry('lost')])
  const behind = ledger.append([entry('lost too')])
  t.equal(await codeOf(durable), 'LEDGER_BROKEN')
  t.equal(await codeOf(behind.durable), 'LEDGER_BROKEN')
  t.equal(ledger.state().status, 'degraded')
  t.match(ledger.state().words, /dmesg/)
  t.equal(await codeOf(() => ledger.append([entry(4)])), 'LEDGER_BROKEN')
  t.equal(await codeOf(ledger.write([{ table: 't', key: 'k', value: undefined }])), 'LEDGER_BROKEN')
  t.equal(await codeOf(ledger.advance('uplink', 1)), 'LEDGER_BROKEN')
  t.same(await sequences(ledger.read(1)), [1, 2, 3])
  await recovered
  t.same(states.seen, ['degraded', 'ok'])
  t.equal(failing.opened, 2)
  await ledger.advance('uplink', 1)
  await ledger.append([entry(4)]).durable
  t.equal(ledger.durableHead, 4)
})

t.test('whoever is told and fails at that does not hold up the ledger', async t => {
  const failing = new Failing()
  const recovered = new States()
  const ledger = await openAt(t, temporary(t), {
    openStore: failing.open,
    backoff: { first: 1, most: 4 },
    onState: state => {
      recovered.note(state)
      throw new Error('told too much')
    }
  })
  const again = recovered.next(TAKEN)
  failing.next = EIO()
  t.equal(await codeOf(ledger.append([entry('lost')]).durable), 'LEDGER_BROKEN')
  await again
  await ledger.append([entry(1)]).durable
  t.equal(ledger.durableHead, 1)
})

t.test('a ledger that is broken can be closed', async t => {
  const { ledger, failing, directory } = await breakable(t)
  failing.refuse = 1_000_000
  failing.next = EIO()
  t.equal(await codeOf(ledger.append([entry('lost')]).durable), 'LEDGER_BROKEN')
  const reading = codeOf(sequences(ledger.read(1)))
  await ledger.close()
  t.equal(await reading, 'LEDGER_CLOSED')
  const reopened = await openAt(t, directory)
  t.same(await sequences(reopened.read(1)), [1, 2, 3])
})

t.test('closing does not wait for a disk that does not answer', async t => {
  const ledger = await openAt(t, temporary(t), {
    closeTimeout: 20,
    openStore: async location => {
      const store = await openStore(location)
      t.teardown(() => store.close())
      return overriding(store, { put: () => new Promise(() => {}) })
    }
  })
  ledger.append([entry(1)])
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
  const waiting = ledger.append([entry(2)])
  await ledger.close()
  t.equal(await codeOf(waiting.durable), 'LEDGER_CLOSED')
})

/** Mounts a small file system. */
function mountSmall(directory: string, octets: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${octets}`, 'tmpfs', directory], { stdio: 'ignore' })
}

function unmount(directory: string): void {
  execFileSync('umount', ['-l', directory])
}

/** Why a test that fills a disk cannot run here; false when it can, and in CI, where it must. */
function noSmallDisk(): string | false {
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-mount-'))
  try {
    mountSmall(directory, 4096)
    unmount(directory)
    return false
  } catch {
    return process.env['CI'] === 'true' ? false : 'needs root and tmpfs to fill a disk'
  } finally {
    rmdirSync(directory)
  }
}

t.test(
  'a disk that fills up costs no acknowledged record, and records are taken again when there is room',
  { skip: noSmallDisk() },
  async t => {
    const MIB = 1024 * 1024
    const disk = temporary(t)
    mountSmall(disk, 32 * MIB)
    t.teardown(() => unmount(disk))
    const filler = join(disk, 'filler')
    const reserve = join(disk, 'ledger', 'reserve')
    const states = new States()
    const ledger = await openAt(t, join(disk, 'ledger'), { reserveOctets: 8 * MIB, onState: states.note })
    await ledger.checkCapacity()
    t.ok(existsSync(reserve))
    writeFileSync(filler, Buffer.alloc(16 * MIB))

    const full = states.next(NO_ROOM)
    const payload = Buffer.alloc(1000, 1)
    let acknowledged = 0
    while (
      (await codeOf(() => ledger.append(Array.from({ length: 100 }, () => ({ ...entry(0), payload }))).durable)) ===
      undefined
    ) {
      acknowledged += 100
    }
    await full
    t.ok(acknowledged > 1000, `${acknowledged} records fitted`)
    t.equal(ledger.durableHead, acknowledged)
    await ledger.checkCapacity()
    t.equal(existsSync(reserve), false, 'the reserve was given up')
    t.equal(await codeOf(() => ledger.append([entry(1)])), 'LEDGER_NO_SPACE')
    await ledger.advance('uplink', 50)
    t.equal(ledger.cursor('uplink'), 50, 'the uplink can go on')

    rmSync(filler)
    await ledger.checkCapacity()
    t.same([ledger.state().status, existsSync(reserve)], ['ok', true])
    await ledger.append([entry('last')]).durable
    await ledger.close()
    const reopened = await openAt(t, join(disk, 'ledger'), { reserveOctets: 8 * MIB })
    t.equal(reopened.epoch, ledger.epoch)
    const { records, lost } = await collect(reopened.read(1))
    t.same([records.length, records.at(-1)?.sequence, lost], [acknowledged + 1, acknowledged + 1, []])
  }
)

t.test('what was acknowledged before a kill -9 is there afterwards, once', async t => {
  const rounds = Number(process.env['TURNPIKE_KILLS'] ?? 4)
  const directory = temporary(t)
  const child = fileURLToPath(new URL('killed.js', import.meta.url))
  let acknowledged = 0
  for (let round = 0; round < rounds; round++) {
    const enough = acknowledged + 1 + Math.floor(Math.random() * 5000)
    acknowledged = Math.max(acknowledged, await runAndKill(child, directory, enough))
    const ledger = await openAt(t, directory)
    const { records, lost } = await collect(ledger.read(1))
    t.same(lost, [], `round ${round}: nothing is lost`)
    t.ok(records.length >= acknowledged, `round ${round}: ${records.length} records of ${acknowledged} acknowledged`)
    const wrong = records.findIndex(
      ({ sequence, payload }, index) => sequence !== index + 1 || payload.readUInt32BE(0) !== sequence
    )
    t.equal(wrong, -1, `round ${round}: each is itself`)
    await ledger.close()
  }
})

/** Lets the child append until it has acknowledged `enough`, and kills it. @returns the last sequence that it acknowledged */
async function runAndKill(script: string, directory: string, enough: number): Promise<number> {
  const child = spawn(process.execPath, [script, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  let last = 0
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line)
    if (last >= enough) child.kill('SIGKILL')
  }
  await exited
  return last
}
