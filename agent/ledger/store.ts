import { readdir } from 'node:fs/promises'
import { Level } from 'level'
import { LedgerError } from './errors.js'

/** A change of the store. */
export type Operation =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: Buffer }

/** Key and value. */
export type Pair = [Buffer, Buffer]

/** A range of keys, and how much of it to take. */
export interface Span {
  readonly gte?: Buffer
  readonly lt?: Buffer
  readonly lte?: Buffer
  readonly reverse?: boolean
}

/** A consistent view of the store. */
export interface Snapshot {
  close(): Promise<void>
}

/** An iterator as `level` has it: `nextv` gives an empty array at the end. */
export interface Pairs {
  nextv(size: number): Promise<Pair[]>
  seek(target: Buffer): void
  close(): Promise<void>
}

/**
 * As much of LevelDB as the ledger uses. Tests put their own between, to fail at will.
 * `put` and `batch` must take the octets before they return: the ledger uses the buffer again.
 */
export interface Store {
  put(key: Buffer, value: Buffer, options: { sync: boolean }): Promise<void>
  batch(operations: Operation[], options: { sync: boolean }): Promise<void>
  get(key: Buffer): Promise<Buffer | undefined>
  iterator(options: Span & { highWaterMarkBytes: number; fillCache: boolean; snapshot?: Snapshot }): Pairs
  snapshot(): Snapshot
  compactRange(start: Buffer, end: Buffer): Promise<void>
  close(): Promise<void>
}

/** Opens the store in a directory, which is made when it is absent. */
export type OpenStore = (location: string) => Promise<Store>

/*
 * Without compression: a flipped bit then stays in its block, where the checksum finds it, and the CPU has other work.
 * The sizes were measured (bench/ledger.ts): larger buffers gain nothing that would be worth a longer recovery.
 */
const OPTIONS = {
  keyEncoding: 'buffer',
  valueEncoding: 'buffer',
  compression: false,
  writeBufferSize: 4 * 1024 * 1024,
  maxFileSize: 16 * 1024 * 1024,
  cacheSize: 4 * 1024 * 1024
} as const

/** Opens LevelDB. @throws LedgerError `LEDGER_LOCKED`, `LEDGER_UNREADABLE` */
export async function openStore(location: string): Promise<Store> {
  const createIfMissing = !(await holdsFiles(location))
  const level = new Level<Buffer, Buffer>(location, { ...OPTIONS, createIfMissing })
  try {
    await level.open()
  } catch (error) {
    await level.close().catch(() => {})
    throw openingError(location, error)
  }
  // `compactRange` is there on every platform but the browser, and `level` declares what all platforms have.
  return withoutEncoding(level as unknown as Native)
}

/** What `level` has beneath its public methods, for those who implement stores. */
interface Native extends Store {
  readonly status: string
  _batch(operations: Operation[], options: { sync: boolean }): Promise<void>
}

// `batch` clones and encodes each operation, which takes longer than LevelDB takes to store it. Ours are octets already.
function withoutEncoding(level: Native): Store {
  const checked = level.batch.bind(level)
  level.batch = (operations, options) => {
    if (level.status !== 'open' || operations.length === 0) return checked(operations, options)
    // oxlint-disable-next-line no-underscore-dangle -- its name in abstract-level
    return level._batch(operations, options)
  }
  return level
}

// Where only its file CURRENT is missing, LevelDB would begin anew and delete what it finds.
async function holdsFiles(location: string): Promise<boolean> {
  const names = await readdir(location).catch(() => [])
  return names.some(name => /^(?:CURRENT|MANIFEST-.*|.*\.(?:ldb|log))$/.test(name))
}

/** LevelDB's own repair: gathers what can be read of its files, and moves the others to a folder `lost` of theirs. */
export async function repairStore(location: string): Promise<void> {
  await (Level as unknown as { repair(location: string): Promise<void> }).repair(location)
}

function openingError(location: string, error: unknown): LedgerError {
  const { code, words } = reason(error)
  return code === 'LEVEL_LOCKED'
    ? new LedgerError('LEDGER_LOCKED', location, { cause: error })
    : new LedgerError('LEDGER_UNREADABLE', `${location}: ${words}`, { cause: error })
}

/** The innermost cause of an error: LevelDB's code and its words. */
export function reason(error: unknown): { readonly code: string; readonly words: string } {
  let inner = error
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause
  // Our own words name what they are not.
  if (inner instanceof LedgerError) return { code: inner.code, words: '' }
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : ''
  return { code, words: inner instanceof Error ? inner.message : String(inner) }
}

/** Whether an error says that there is no room. LevelDB passes on the words of strerror(3). */
export function isNoSpace(error: unknown): boolean {
  const { code, words } = reason(error)
  return code === 'ENOSPC' || code === 'EDQUOT' || /no space left|quota exceeded/i.test(words)
}

/**
 * Whether an error of a read says that the file itself is damaged, not that the disk did not answer.
 * A file that was cut short gives EINVAL, since LevelDB maps it; one that is gone gives ENOENT.
 */
export function isDamage(error: unknown): boolean {
  const { code, words } = reason(error)
  return code === 'LEVEL_CORRUPTION' || /corruption|invalid argument|no such file/i.test(words)
}

/** Whether the store was closed while somebody used it. */
export function isClosed(error: unknown): boolean {
  return reason(error).code.endsWith('_NOT_OPEN')
}

const PAGE_PAIRS = 256
/** Pages beyond it are let go of at once, octets. */
const LARGE = 64 * 1024
const HIGHEST = Buffer.alloc(16, 0xff)

/**
 * One page of a range, read with an iterator of its own, so that a slow reader pins nothing.
 * Where LevelDB meets damaged files it leaves out what it cannot read; the caller sees that by the gap.
 * @param octets about how much to read at most; one pair is read however large it is
 * @returns empty at the end of the range
 */
export async function readPage(store: Store, span: Span, octets: number, snapshot?: Snapshot): Promise<Pair[]> {
  try {
    return await readPairs(store, span, octets, PAGE_PAIRS, snapshot)
  } catch (error) {
    if (!isDamage(error)) throw error
    return readPairs(store, span, octets, 1, snapshot)
  }
}

async function readPairs(store: Store, span: Span, octets: number, step: number, snapshot?: Snapshot): Promise<Pair[]> {
  const iterator = store.iterator({
    ...span,
    highWaterMarkBytes: octets,
    fillCache: false,
    ...(snapshot && { snapshot })
  })
  try {
    if (step > 1) return await iterator.nextv(step)
    return await readSingly(iterator, octets)
  } finally {
    if (octets > LARGE) await letGo(iterator, span)
    await iterator.close()
  }
}

// A closed iterator keeps its last page, beside the copies it gave away, until V8 collects it, and V8 knows nothing of
// that weight: reading a gibibyte took one. Reading on, where nothing is, makes it forget.
async function letGo(iterator: Pairs, { lt }: Span): Promise<void> {
  try {
    iterator.seek(lt === undefined ? HIGHEST : lastBefore(lt))
    await iterator.nextv(1)
  } catch {
    // A damaged file is told of by whoever reads it.
  }
}

// Within the range: LevelDB ends the process where it is asked to go on behind the end of an empty store. No key of ours
// is as high under its prefix, and the bound of a range ends with what `behindPrefix` made one higher.
function lastBefore(lt: Buffer): Buffer {
  const prefix = Buffer.from(lt)
  prefix[prefix.length - 1] = (prefix.at(-1) ?? 1) - 1
  return Buffer.concat([prefix, HIGHEST])
}

// LevelDB tells of damage only at the end of an iteration, and then withholds what came with that call.
async function readSingly(iterator: Pairs, octets: number): Promise<Pair[]> {
  const pairs: Pair[] = []
  let size = 0
  while (size < octets && pairs.length < PAGE_PAIRS) {
    const pair = await nextIfReadable(iterator)
    if (pair === undefined) break
    pairs.push(pair)
    size += pair[1].length
  }
  return pairs
}

async function nextIfReadable(iterator: Pairs): Promise<Pair | undefined> {
  try {
    return (await iterator.nextv(1))[0]
  } catch (error) {
    if (isDamage(error)) return undefined
    throw error
  }
}
