import type { Packet } from '../../../protocols/radius/index.js'
import { RadSecError } from './errors.js'
import type { Asked, Version } from './version.js'

interface Waiting {
  readonly asked: Asked
  readonly answered: (packet: Packet) => void
  readonly failed: (error: Error) => void
}

const MOST = 1024

/**
 * Requests that go the other way: CoA and Disconnect over the connection that the NAS has opened. TCP repeats what is
 * lost, so each is sent once. Identifiers of this direction have nothing to do with those of the other.
 */
export class Reverse {
  readonly #version: Version
  readonly #write: (octets: Buffer) => void
  readonly #waiting = new Map<number, Waiting>()
  #next = 0
  #gone = false

  constructor(version: Version, write: (octets: Buffer) => void) {
    this.#version = version
    this.#write = write
  }

  /** @throws RadSecError `RADSEC_CROWDED`, `RADSEC_CONNECTION_GONE`; the signal's reason when it aborts */
  request(code: number, attributes: Buffer, signal: AbortSignal): Promise<Packet> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      if (this.#gone) throw new RadSecError('RADSEC_CONNECTION_GONE')
      const key = this.#freeKey()
      const asked = this.#version.ask(code, key, attributes)
      const aborted = () => failed(signal.reason as Error)
      const done = () => {
        signal.removeEventListener('abort', aborted)
        this.#waiting.delete(key)
      }
      const failed = (error: Error) => {
        done()
        reject(error)
      }
      const answered = (packet: Packet) => {
        done()
        resolve(packet)
      }
      this.#waiting.set(key, { asked, answered, failed })
      signal.addEventListener('abort', aborted, { once: true })
      this.#write(asked.octets)
    })
  }

  /** Takes a response of the peer. One that nobody waits for any more is dropped. @returns false if it is forged */
  answer(octets: Buffer): boolean {
    const waiting = this.#waiting.get(this.#version.keyOf(octets))
    if (waiting === undefined) return true
    const packet = waiting.asked.read(octets)
    if (packet === undefined) return false
    waiting.answered(packet)
    return true
  }

  /** The connection ended: nothing will be answered. */
  end(): void {
    this.#gone = true
    for (const { failed } of this.#waiting.values()) failed(new RadSecError('RADSEC_CONNECTION_GONE'))
  }

  // Keys go round, so that a late answer does not find another request under its own.
  #freeKey(): number {
    const { keys } = this.#version
    if (this.#waiting.size >= Math.min(keys, MOST)) throw new RadSecError('RADSEC_CROWDED')
    while (this.#waiting.has(this.#next)) this.#next = (this.#next + 1) % keys
    const key = this.#next
    this.#next = (key + 1) % keys
    return key
  }
}
