import { headers, type NatsConnection } from '@nats-io/transport-node'
import { UplinkError } from './errors.js'
import { unlessAborted } from './nats-link.js'

/*
 * The snapshot over request and reply, a page at a time, so that neither side holds it whole.
 *   request  `{"source": "/agents/edge-1", "page": "<token>"}`; no `page` in the first one
 *   reply    a piece of the NDJSON; header `Turnpike-Next-Page: <token>`, absent on the last page
 *   error    headers `Nats-Service-Error-Code` and `Nats-Service-Error`, as NATS services do
 */

const NEXT = 'Turnpike-Next-Page'
const ERROR_CODE = 'Nats-Service-Error-Code'
const ERROR = 'Nats-Service-Error'

/** Whom to ask for the snapshot, and as whom. */
export interface SnapshotRequest {
  readonly subject: string
  readonly source: string
  /** For one page, ms. */
  readonly timeout: number
}

/** The snapshot's pieces in order. @throws UplinkError `UPLINK_UNEXPECTED_ANSWER`, and errors of NATS */
export async function* natsSnapshot(
  connection: NatsConnection,
  { subject, source, timeout }: SnapshotRequest,
  signal: AbortSignal
): AsyncGenerator<Buffer> {
  let page: string | undefined
  do {
    const asked = JSON.stringify(page === undefined ? { source } : { source, page })
    const reply = await unlessAborted(connection.request(subject, asked, { timeout, headers: headers() }), signal)
    const code = reply.headers?.get(ERROR_CODE) ?? ''
    if (code !== '') {
      const words = reply.headers?.get(ERROR) ?? ''
      throw new UplinkError('UPLINK_UNEXPECTED_ANSWER', `the snapshot: ${code} ${words.slice(0, 200)}`)
    }
    const next = reply.headers?.get(NEXT) ?? ''
    if (next !== '' && reply.data.length === 0)
      throw new UplinkError('UPLINK_UNEXPECTED_ANSWER', 'an empty page of the snapshot that is not the last')
    yield Buffer.from(reply.data)
    page = next === '' ? undefined : next
  } while (page !== undefined)
}
