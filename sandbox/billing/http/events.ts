import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { BatchAnswer, batchLimits, edgeMedia, edgePaths, EventBatch } from '../../../agent/model/edge-api.js'
import type { Books } from '../books.js'
import type { EventsStep, Script } from '../misbehaviour.js'
import { cut, playStep } from './staging.js'

const unzip = promisify(gunzip)

/** Adds `POST /v1/events`: batches of CloudEvents, plain or gzip, each event counted once. */
export function eventsRoute(app: FastifyInstance, books: Books, script: Script, signal: AbortSignal): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(edgeMedia.events, { parseAs: 'buffer', bodyLimit: batchLimits.octets }, readBatch)
  const schema = {
    summary:
      'What happened: a batch of at most 1,000 events or 1 MiB, application/cloudevents-batch+json, gzip or plain',
    tags: ['edge'],
    response: { 200: BatchAnswer }
  }
  app.post<{ Body: unknown[] }>(edgePaths.events, { schema }, async (request, reply) => {
    const step: EventsStep = script.next('events')
    if (await playStep(step, reply, signal)) return reply
    if (step.close === 'before') return cut(reply)
    if (request.body.some(event => script.isPoison(idOf(event)))) return reply.badRequest('the batch cannot be taken')
    const answer = await books.take(step.lie === 'omit' ? firstHalf(request.body) : request.body)
    if (step.close === 'after') return cut(reply)
    if (step.close === 'half-way') return answerHalf(reply, answer)
    return step.lie === 'unknown-ids' ? withUnknown(answer) : answer
  })
}

/** Names of the envelope are checked event by event, so that one bad event does not spoil the others. */
async function readBatch(request: FastifyRequest, body: string | Buffer): Promise<unknown[]> {
  const { httpErrors } = request.server
  const batch = parse(await inflate(request, body as Buffer), request)
  if (!Array.isArray(batch) || batch.length < (EventBatch.minItems ?? 1))
    throw httpErrors.badRequest('an array of events is needed')
  if (batch.length > batchLimits.events) throw httpErrors.payloadTooLarge(`at most ${batchLimits.events} events`)
  return batch as unknown[]
}

async function inflate(request: FastifyRequest, body: Buffer): Promise<Buffer> {
  const { httpErrors } = request.server
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity') return body
  if (encoding !== 'gzip') throw httpErrors.unsupportedMediaType('gzip is the only content-encoding here')
  try {
    return await unzip(body, { maxOutputLength: batchLimits.octets })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw httpErrors.payloadTooLarge(`at most ${batchLimits.octets} octets of JSON`)
    throw httpErrors.badRequest('the body is not gzip')
  }
}

function parse(octets: Buffer, request: FastifyRequest): unknown {
  try {
    return JSON.parse(octets.toString())
  } catch {
    throw request.server.httpErrors.badRequest('the body is not JSON')
  }
}

function idOf(event: unknown): string {
  return typeof event === 'object' && event !== null && 'id' in event ? String(event.id) : ''
}

function firstHalf(batch: unknown[]): unknown[] {
  return batch.slice(0, Math.floor(batch.length / 2))
}

function withUnknown(answer: BatchAnswer): BatchAnswer {
  const stranger = { id: 'an-event-that-was-never-sent', reason: 'misbehaving by script' }
  return { ...answer, rejected: [...answer.rejected, stranger] }
}

function answerHalf(reply: FastifyReply, answer: BatchAnswer): FastifyReply {
  const body = JSON.stringify(answer)
  reply.hijack()
  reply.raw.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  reply.raw.write(body.slice(0, body.length / 2), () => reply.raw.socket?.destroy())
  return reply
}
