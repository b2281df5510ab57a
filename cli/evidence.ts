import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { wire } from '../server/http/index.js'
import type { ApiClient } from './client.js'
import { csvRow } from './csv.js'
import { CliError, exit } from './errors.js'
import type { Invocation } from './invocation.js'
import { facts, table } from './table.js'
import { countWords, timeWords } from './words.js'

type Entry = wire.EvidenceList['entries'][number]

/** What of the evidence log is exported, and how. */
export interface EvidenceExport {
  readonly csv?: boolean
  readonly subscriber?: string
}

/** What `turnpike evidence` answers. */
export interface Evidence {
  readonly entries: readonly Entry[]
  readonly chain: wire.EvidenceChain
}

const columns = [
  'sequence',
  'at',
  'subscriber',
  'userName',
  'enforcement',
  'orderedBy',
  'reference',
  'noticeAt',
  'want',
  'reason',
  'state',
  'session',
  'nas',
  'way',
  'proof',
  'detail',
  'previous',
  'hash',
  'body'
] as const

/** All entries of one subscriber, oldest first. @throws CliError as `ApiClient.get` */
export async function evidenceOf(agent: ApiClient, subscriber: string): Promise<readonly Entry[]> {
  const found: Entry[] = []
  for await (const entry of pages(agent, subscriber)) found.push(entry)
  return found
}

/** A decision a paragraph, its steps below, and until when it held. */
export function evidenceWords({ entries, chain }: Evidence): string {
  const decisions = decisionsOf(entries)
  if (decisions.length === 0) return 'Nothing was ever ordered about this subscriber.\n'
  const paragraphs = decisions.map((steps, index) => decisionWords(steps, decisions.slice(index + 1)))
  return `${paragraphs.join('\n')}\n${chainWords(chain)}\n`
}

/** The steps of each decision, in the order in which they were decided. */
function decisionsOf(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const found = new Map<string, Entry[]>()
  for (const entry of entries) {
    const steps = found.get(entry.enforcement)
    if (steps === undefined) found.set(entry.enforcement, [entry])
    else steps.push(entry)
  }
  return [...found.values()]
}

/** Writes every entry as a line, and says whether the chain holds; exit status 1 where it does not. */
export async function exportEvidence(
  invocation: Invocation,
  file: string | undefined,
  { csv = file?.endsWith('.csv') ?? false, subscriber }: EvidenceExport
): Promise<void> {
  let count = 0
  const chain = await invocation.ask(async agent => {
    async function* lines() {
      if (csv) yield `${columns.join(',')}\n`
      for await (const entry of pages(agent, subscriber)) {
        count++
        yield `${csv ? csvRow(columns.map(column => entry[column] ?? '')) : JSON.stringify(entry)}\n`
      }
    }
    await write(Readable.from(lines()), file)
    return agent.get<wire.EvidenceChain>('/v1/evidence/check')
  })
  invocation.tell(`${countWords(count, 'entry', 'entries')} exported. ${chainWords(chain)}`)
  tellChain(invocation, chain)
}

/** A chain that is broken is said loudly, and by the exit status. */
export function tellChain(invocation: Invocation, { broken }: wire.EvidenceChain): void {
  if (broken === undefined) return
  process.exitCode = exit.no
  invocation.tell(
    `THE EVIDENCE LOG IS BROKEN at entry ${broken.sequence}: ${broken.why} Entries before it are vouched for; those from there on prove nothing. Keep the ledger as it is (turnpike ledger backup), and compare it with an earlier export or backup.`
  )
}

async function* pages(agent: ApiClient, subscriber: string | undefined): AsyncGenerator<Entry> {
  for (let after: number | undefined = 0; after !== undefined; ) {
    const { entries }: wire.EvidenceList = await agent.get('/v1/evidence', { subscriber, after })
    yield* entries
    after = entries.at(-1)?.sequence
  }
}

function decisionWords(steps: readonly Entry[], later: readonly (readonly Entry[])[]): string {
  const [first] = steps
  if (first === undefined) return ''
  const { want, at, orderedBy, reference = '', noticeAt, reason } = first
  const notice = noticeAt === undefined ? '' : timeWords(noticeAt)
  return `${facts([
    [want === 'full' ? 'restored' : want, timeWords(at)],
    ['ordered by', orderedBy],
    ['reason', reason],
    ['reference', reference],
    ['notice given', notice],
    ['ended', want === 'full' ? '' : endWords(later)]
  ])}${table(steps, [
    { title: 'TIME', value: step => timeWords(step.at) },
    { title: 'STATE', value: step => step.state },
    { title: 'WAY', value: step => step.way ?? '' },
    { title: 'WHERE', value: step => step.nas ?? '' },
    { title: 'PROOF', value: step => step.proof ?? '' },
    { title: 'DETAIL', value: step => step.detail }
  ])}`
}

/** When the decision was taken back: the next one that restores, and when that was proven. */
function endWords(later: readonly (readonly Entry[])[]): string {
  const next = later.find(([first]) => first?.want === 'full')
  if (next === undefined) return 'not yet'
  const proven = next.find(({ state }) => state === 'proven')
  return proven === undefined
    ? `restoring ordered ${timeWords(next[0]?.at ?? '')}, not proven yet`
    : `restored ${timeWords(proven.at)}, proven by ${proven.proof ?? 'nothing'}`
}

function chainWords({ entries, head, broken }: wire.EvidenceChain): string {
  if (broken !== undefined) return `The chain of the log is BROKEN at entry ${broken.sequence}.`
  return `The chain of the log holds: ${countWords(entries, 'entry', 'entries')}, head ${head}.`
}

/** A file is for its owner only, and none is written over. @throws CliError `CLI_FILE` */
async function write(lines: Readable, file: string | undefined): Promise<void> {
  if (file === undefined) {
    await pipeline(lines, process.stdout, { end: false })
    return
  }
  try {
    await pipeline(lines, createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }))
  } catch (error) {
    if (error instanceof CliError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'EEXIST' ? 'it is there already: name another file' : message
    throw new CliError('CLI_FILE', `${file} cannot be written: ${why}.`, { cause: error })
  }
}
