import { edgeMedia, edgePaths } from '../model/edge-api.js'
import { readAnswer, type HttpAnswer } from './answers.js'
import type { Answer, WireEvent } from './transport.js'

/** How events travel to one HTTP API: where, in what shape, and what its answers mean. */
export interface Ingest {
  /** Of the events endpoint, below the base address. */
  readonly path: string
  readonly mediaType: string
  readonly gzip: boolean
  /** Header that carries the token, and what stands before the token in it. */
  readonly tokenHeader: string
  readonly tokenPrefix: string
  /** Sent with each batch beside the others; never secrets. */
  readonly headers: Readonly<Record<string, string>>
  /** The body for a batch; undefined when none of these events is for this API. */
  body(events: readonly WireEvent[]): Buffer | undefined
  read(answer: HttpAnswer, events: readonly WireEvent[], now: number): Answer
}

/** The Edge API: a CloudEvents batch, with gzip. */
export const edgeIngest: Ingest = {
  path: edgePaths.events,
  mediaType: edgeMedia.events,
  gzip: true,
  tokenHeader: 'authorization',
  tokenPrefix: 'Bearer ',
  headers: {},
  body: listOf,
  read: readAnswer
}

const OPENING = 0x5b
const COMMA = 0x2c
const CLOSING = 0x5d

function listOf(events: readonly WireEvent[]): Buffer {
  const list = Buffer.alloc(
    events.reduce((sum, { json }) => sum + 1 + json.length, events.length === 0 ? 2 : 1),
    COMMA
  )
  list[0] = OPENING
  events.reduce((at, { json }) => at + json.copy(list, at) + 1, 1)
  list[list.length - 1] = CLOSING
  return list
}
