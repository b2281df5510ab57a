import { randomFillSync } from 'node:crypto'
import {
  Attr,
  Code,
  encodeRequest,
  hasDigestAuthenticator,
  Packet,
  Secret,
  verifyResponse
} from '../../../protocols/radius/index.js'
import { type Hiding, rehide } from '../hidden.js'

/*
 * RADIUS/1.1 on the wire (RFC 9765 §4.1):
 *
 *   Code 1 | Reserved-1 1 | Length 2 | Token 4 | Reserved-2 12 | attributes
 *
 * The Token is copied into the response. Nothing is signed and nothing hidden: TLS does both. What the agent works with
 * is the older form, so a request is given the Identifier, the authenticator and the hidings that it lacks as it comes
 * in, with a random authenticator of the connection, and they are taken away again from the reply.
 */

/** The shared secret of RadSec before RADIUS/1.1. RFC 6614 §2.3, point 4 */
export const radsec: Secret = new Secret('radsec')

/** ALPN names, the preferred first. RFC 9765 §3.1 */
export const protocols = ['radius/1.1', 'radius/1.0']

const HEADER = 20
const LONGEST = 4096

/** A request ready for the wire: what tells its answer, and how the answer is read. */
export interface Asked {
  readonly octets: Buffer
  /** @returns the answer, or undefined where it cannot be trusted */
  readonly read: (answer: Buffer) => Packet | undefined
}

/** How packets of a connection are written and read. */
export interface Version {
  readonly name: 'radius/1.0' | 'radius/1.1'
  /** How many requests of ours may be unanswered. */
  readonly keys: number
  /** What a response of the peer answers: the key that `ask` was given. */
  keyOf(answer: Buffer): number
  /** A request from us. @param key  0 to `keys` - 1 */
  ask(code: number, key: number, attributes: Buffer): Asked
  /** A request of the peer in the older form. */
  incoming(request: Buffer): Buffer | undefined
  /** A reply in the older form, as the peer wants it. */
  outgoing(reply: Buffer, request: Buffer): Buffer
}

/** Historic RadSec: packets as over UDP, with the secret `radsec`. */
export const historic: Version = {
  name: 'radius/1.0',
  keys: 256,
  keyOf: answer => answer[1]!,
  ask(code, key, attributes) {
    const { datagram, authenticator } = encodeRequest(code, key, attributes, radsec, { messageAuthenticator: true })
    const read = (answer: Buffer) => {
      const packet = Packet.decode(answer)
      if (typeof packet === 'string' || verifyResponse(packet, authenticator, radsec) !== undefined) return undefined
      return packet
    }
    return { octets: datagram, read }
  },
  incoming: request => request,
  outgoing: reply => reply
}

/** RADIUS/1.1, for one connection. */
export class Version11 implements Version {
  readonly name = 'radius/1.1'
  readonly keys = 2 ** 32
  readonly #random = randomFillSync(Buffer.allocUnsafe(16))

  keyOf(answer: Buffer): number {
    return answer.readUInt32BE(4)
  }

  ask(code: number, key: number, attributes: Buffer): Asked {
    return { octets: packetOf(code, key, attributes), read: answer => attributesOf(answer) }
  }

  incoming(request: Buffer): Buffer | undefined {
    const packet = attributesOf(request)
    if (packet === undefined) return undefined
    const hiding = this.#hiding(request)
    const digest = hasDigestAuthenticator(packet.code)
    const signed = packet.code === Code.StatusServer || packet.code === Code.AccessRequest
    try {
      const attributes = rehide(packet, undefined, digest ? undefined : hiding)
      const options = { messageAuthenticator: signed, authenticator: hiding.authenticator }
      return encodeRequest(packet.code, request[7]!, attributes, radsec, options).datagram
    } catch {
      return undefined
    }
  }

  outgoing(reply: Buffer, request: Buffer): Buffer {
    const packet = Packet.decode(reply) as Packet
    return packetOf(reply[0]!, request.readUInt32BE(4), rehide(packet, this.#hiding(request), undefined))
  }

  #hiding(request: Buffer): Hiding {
    const authenticator = Buffer.from(this.#random)
    request.copy(authenticator, 0, 4, 8)
    return { secret: radsec, authenticator }
  }
}

function packetOf(code: number, token: number, attributes: Buffer): Buffer {
  const octets = Buffer.alloc(HEADER + attributes.length)
  octets[0] = code
  octets.writeUInt16BE(octets.length, 2)
  octets.writeUInt32BE(token, 4)
  octets.set(attributes, HEADER)
  return octets
}

// Without the header, of which only Code and Token mean anything. A Message-Authenticator means nothing either.
function attributesOf(octets: Buffer): Packet | undefined {
  if (octets.length > LONGEST) return undefined
  const packet = Packet.fromAttributes(octets.subarray(HEADER), octets[0])
  if (typeof packet === 'string') return undefined
  return packet.has(Attr.MessageAuthenticator) ? withoutSignature(packet) : packet
}

function withoutSignature(packet: Packet): Packet | undefined {
  const bare = Packet.fromAttributes(rehide(packet, undefined, undefined), packet.code)
  return typeof bare === 'string' ? undefined : bare
}
