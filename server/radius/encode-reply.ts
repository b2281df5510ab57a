import {
  Attr,
  authenticatorOf,
  Code,
  MAX_PACKET,
  messageAuthenticatorOf,
  type Packet,
  RadiusError,
  type Secret
} from '../../protocols/radius/index.js'

const HEADER = 20
const SIGNATURE = 18 // a Message-Authenticator with its header

/**
 * A reply, signed and ready to send: Message-Authenticator first, then `attributes`, then the request's Proxy-State in
 * order. The octets come from Node's pool, which costs a third of zeroed ones.
 *
 * The answer to an Accounting-Request has no Message-Authenticator: RFC 2869 §5.19 knows none there, its Response
 * Authenticator covers the octets as well, and FreeRADIUS 3 computes one over zero octets instead of the request's
 * authenticator, so that it discards what others sign by the book.
 * @throws RadiusError `RAD_TOO_LONG` above 4096 octets
 * @see RFC 2865 §3 and §5.33, RFC 3579 §3.2
 */
export function encodeReply(request: Packet, code: number, attributes: Buffer, secret: Secret): Buffer {
  const signed = request.code !== Code.AccountingRequest
  const states = request.has(Attr.ProxyState) ? proxyStates(request) : undefined
  const from = signed ? HEADER + SIGNATURE : HEADER
  const length = from + attributes.length + (states?.length ?? 0)
  if (length > MAX_PACKET) throw new RadiusError('RAD_TOO_LONG')
  const reply = Buffer.allocUnsafe(length) // every octet is written below
  reply[0] = code
  reply[1] = request.identifier
  reply[2] = length >>> 8
  reply[3] = length
  reply.set(attributes, from)
  if (states !== undefined) reply.set(states, from + attributes.length)
  const { authenticator } = request
  if (signed) {
    reply[HEADER] = Attr.MessageAuthenticator
    reply[HEADER + 1] = SIGNATURE
    reply.set(messageAuthenticatorOf(reply, HEADER + 2, authenticator, secret), HEADER + 2)
  }
  reply.set(authenticatorOf(reply, authenticator, secret), 4)
  return reply
}

// They come back unchanged and in order. RFC 2865 §5.33
function proxyStates(request: Packet): Buffer {
  return Buffer.concat(
    request.all(Attr.ProxyState).flatMap(state => [Buffer.from([Attr.ProxyState, 2 + state.length]), state])
  )
}
