import { StringDecoder } from 'node:string_decoder'
import { UplinkError } from './errors.js'

/** Characters of one line. */
const LONGEST = 1 << 20

/**
 * Text lines out of the pieces that the network gives; the last one may lack its line feed.
 * @throws UplinkError `UPLINK_TOO_LONG`
 */
export async function* readLines(pieces: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const piece of pieces) {
    const lines = decoder.write(piece).split('\n')
    const last = lines.pop() ?? ''
    const first = lines[0]
    if (first !== undefined) lines[0] = rest + first
    rest = first === undefined ? rest + last : last
    if (rest.length > LONGEST) throw new UplinkError('UPLINK_TOO_LONG', `a line beyond ${LONGEST} characters`)
    yield* lines
  }
  rest += decoder.end()
  if (rest !== '') yield rest
}
