import { DriverError, type Milliseconds } from '../../agent/model/index.js'
import { codeName, type Packet } from '../../protocols/radius/index.js'

/** A connection that the NAS has opened, over which it can be asked: the way back of RadSec. */
export interface ReverseChannel {
  /**
   * Sends a request and waits for its answer, verified.
   * Rejects when the connection ends, when it can carry no more, or with the signal's reason.
   * @param attributes  encoded, without Message-Authenticator
   */
  request(code: number, attributes: Buffer, signal: AbortSignal): Promise<Packet>
}

/** TCP repeats what is lost: a NAS that has not answered by then does not take requests this way. */
const PATIENCE: Milliseconds = 15_000

/**
 * Asks a NAS over its own connection.
 * @throws DriverError `TIMEOUT` when the signal ended the wait; `UNREACHABLE` when the NAS did not answer in 15 s or its
 *   connection ended
 */
export async function askBack(
  channel: ReverseChannel,
  code: number,
  attributes: Buffer,
  signal: AbortSignal,
  patience: Milliseconds = PATIENCE
): Promise<Packet> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), patience)
  const name = codeName(code)
  try {
    return await channel.request(code, attributes, AbortSignal.any([signal, late.signal]))
  } catch (cause) {
    if (signal.aborted) throw new DriverError('TIMEOUT', `${name} was given up before the NAS answered.`, { cause })
    const words = late.signal.aborted
      ? `got no answer over the connection of the NAS in ${patience / 1000} s; give the NAS a coaAddress if it takes CoA by UDP only`
      : (cause as Error).message
    throw new DriverError('UNREACHABLE', `${name}: ${words}`, { cause })
  } finally {
    clearTimeout(timer)
  }
}
