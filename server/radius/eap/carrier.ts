import { decodeTlsFragment, tlsAcknowledgement, tlsFragments } from '../../../protocols/eap/index.js'

/** What a response carried: a whole message, or it is answered with `send`, or it breaks the rules. */
export type Carried =
  | { readonly kind: 'message'; readonly octets: Buffer }
  | { readonly kind: 'send'; readonly data: Buffer }
  | { readonly kind: 'broken'; readonly why: string }

const MOST = 64 * 1024

/** Cuts and joins TLS messages, one direction at a time. RFC 5216 §2.1.5 */
export class Carrier {
  readonly #room: () => number
  #outgoing: Buffer[] = []
  #incoming: Buffer[] = []
  #size = 0

  /** @param room  octets of data that a request may hold */
  constructor(room: () => number) {
    this.#room = room
  }

  /** @returns the first piece of a message; the others follow when the peer asks */
  send(message: Buffer): Buffer {
    this.#outgoing = tlsFragments(message, this.#room())
    return this.#outgoing.shift()!
  }

  take(data: Buffer): Carried {
    const fragment = decodeTlsFragment(data)
    if (fragment === undefined) return { kind: 'broken', why: 'A piece has no flags.' }
    if (fragment.version !== 0) return { kind: 'broken', why: `It speaks version ${fragment.version}; here: 0.` }
    const next = this.#outgoing.shift()
    if (next !== undefined) {
      if (fragment.octets.length === 0) return { kind: 'send', data: next }
      return { kind: 'broken', why: 'It spoke before it had all pieces.' }
    }
    return this.#join(fragment.octets, fragment.more, fragment.length ?? 0)
  }

  #join(octets: Buffer, more: boolean, length: number): Carried {
    this.#size += octets.length
    if (this.#size > MOST || length > MOST) return { kind: 'broken', why: `A message exceeds ${MOST} octets.` }
    this.#incoming.push(Buffer.from(octets))
    if (more) return { kind: 'send', data: tlsAcknowledgement() }
    const message = Buffer.concat(this.#incoming)
    this.#incoming = []
    this.#size = 0
    return { kind: 'message', octets: message }
  }
}
