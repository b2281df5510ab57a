import { createParser } from 'eventsource-parser'
import { UplinkError } from './errors.js'
import type { Incoming } from './transport.js'

/** Characters of one message, or of one line; more breaks the connection. */
const LONGEST = 4 << 20

/**
 * Reads Server-Sent Events out of the pieces that the network gives. Each piece gives one group, empty when it held no
 * whole message (a heartbeat). A message that is cut off by the end is dropped.
 * @throws UplinkError `UPLINK_TOO_LONG`
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export async function* readEventStream(pieces: AsyncIterable<Buffer>): AsyncGenerator<readonly Incoming[]> {
  let group: Incoming[] = []
  let tooLong = false
  const parser = createParser({
    maxBufferSize: LONGEST,
    onEvent: ({ id, data }) => group.push({ cursor: id, data }),
    onError: ({ type }) => {
      tooLong ||= type === 'max-buffer-size-exceeded'
    }
  })
  const decoder = new TextDecoder()
  for await (const piece of pieces) {
    parser.feed(decoder.decode(piece, { stream: true }))
    const whole = group
    group = []
    yield whole
    if (tooLong) throw new UplinkError('UPLINK_TOO_LONG', `a feed message beyond ${LONGEST} characters`)
  }
}
