import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { edgeMedia, edgePaths, type SnapshotEnd, type SnapshotLine } from '../../../agent/model/edge-api.js'
import type { Books } from '../books.js'
import { feedKey } from '../feed.js'
import type { Script, SnapshotStep } from '../misbehaviour.js'
import { playStep } from './staging.js'

/** Adds `GET /v1/snapshot`: every document, one a line, then the cursor and the counts. */
export function snapshotRoute(app: FastifyInstance, books: Books, script: Script, signal: AbortSignal): void {
  const schema = { summary: 'Everything, once: NDJSON', tags: ['edge'] }
  app.get(edgePaths.snapshot, { schema }, async (_, reply) => {
    const step: SnapshotStep = script.next('snapshot')
    if (await playStep(step, reply, signal)) return reply
    const { documents, cursor, sequence } = books.snapshot()
    const kept = leaveOut(documents, step.omit ?? 0)
    const end = { cursor, sequence: feedKey(sequence), counts: countsOf(kept, step.truncate === 'wrong-counts') }
    return reply.type(edgeMedia.snapshot).send(Readable.from(lines(kept, end, step.truncate)))
  })
}

function* lines(
  documents: readonly SnapshotLine[],
  end: SnapshotEnd,
  truncate: SnapshotStep['truncate']
): Iterable<string> {
  const half = Math.floor(documents.length / 2)
  for (const [index, document] of documents.entries()) {
    const line = JSON.stringify(document)
    const cutHere = truncate === 'half' && index === half
    yield cutHere ? line.slice(0, line.length / 2) : `${line}\n`
    if (cutHere) return
  }
  if (truncate !== 'no-end') yield `${JSON.stringify(end)}\n`
}

function countsOf(documents: readonly SnapshotLine[], wrong: boolean): SnapshotEnd['counts'] {
  const counts = { subscriber: wrong ? 1 : 0, profile: 0, nas: 0, device: 0 }
  for (const { kind } of documents) counts[kind]++
  return counts
}

function leaveOut(documents: readonly SnapshotLine[], subscribers: number): readonly SnapshotLine[] {
  let left = subscribers
  return documents.filter(({ kind }) => kind !== 'subscriber' || left-- <= 0)
}
