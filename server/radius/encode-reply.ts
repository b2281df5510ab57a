import { Attr, authenticatorOf, Code, encodeResponse, type Packet, type Secret } from '../../protocols/radius/index.js'

const HEADER = 20

/**
 * A reply, signed and ready to send. All carry a Message-Authenticator, the first attribute, but for the answer to an
 * Accounting-Request: RFC 2869 §5.19 has none there, its Response Authenticator covers the octets as well, and FreeRADIUS 3
 * computes one over zero octets instead of the request's authenticator, so that it discards what others sign by the book.
 * @throws RadiusError `RAD_TOO_LONG` above 4096 octets
 */
export function encodeReply(request: Packet, code: number, attributes: Buffer, secret: Secret): Buffer {
  if (request.code !== Code.AccountingRequest) return encodeResponse(request, code, attributes, secret)
  const states = request.has(Attr.ProxyState) ? proxyStates(request) : undefined
  const length = HEADER + attributes.length + (states?.length ?? 0)
  const reply = Buffer.allocUnsafe(length)
  reply[0] = code
  reply[1] = request.identifier
  reply.writeUInt16BE(length, 2)
  attributes.copy(reply, HEADER)
  states?.copy(reply, HEADER + attributes.length)
  authenticatorOf(reply, request.authenticator, secret).copy(reply, 4)
  return reply
}

// They come back unchanged and in order. RFC 2865 §5.33
function proxyStates(request: Packet): Buffer {
  return Buffer.concat(
    request.all(Attr.ProxyState).flatMap(state => [Buffer.from([Attr.ProxyState, 2 + state.length]), state])
  )
}
