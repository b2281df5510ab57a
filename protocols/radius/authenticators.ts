/*
 * Who may have sent a packet. Every comparison of digests takes the same time wherever they differ.
 *
 *  - Request Authenticator of Accounting-, CoA- and Disconnect-Requests: MD5 over the packet with sixteen zero
 *    octets in its place, then the secret. That of an Access-Request is random.
 *  - Response Authenticator: MD5 over the packet with the Request Authenticator in its place, then the secret.
 *  - Message-Authenticator: HMAC-MD5 over the packet with itself zero, and in the authenticator's place: a
 *    request's own where it is random, zero octets where it is a digest; in a response, the request's.
 */
import { timingSafeEqual } from 'node:crypto'
import { Code, hasDigestAuthenticator, isRequest } from './codes.js'
import { message, type Secret } from './digest.js'
import type { Malformed } from './errors.js'
import type { Packet } from './packet.js'

const zeros = Buffer.alloc(16)

/**
 * Checks that a request was sent by someone who knows the shared secret.
 * An Access-Request without Message-Authenticator proves nothing and passes: look at
 * `packet.has(Attr.MessageAuthenticator)` to demand one.
 * @returns undefined if all that the packet carries is right, else why it must be discarded silently
 * @see RFC 2866 §3, RFC 3579 §3.2, RFC 5176 §2.3 and §3.4, RFC 5997 §3
 */
export function verifyRequest(packet: Packet, secret: Secret): Malformed | undefined {
  if (!isRequest(packet.code)) return 'RAD_NOT_A_REQUEST'
  if (!hasDigestAuthenticator(packet.code)) {
    if (packet.code === Code.StatusServer && packet.messageAuthenticatorAt === 0) {
      return 'RAD_MESSAGE_AUTHENTICATOR_MISSING'
    }
    return messageAuthenticatorFault(packet, packet.authenticator, secret)
  }
  return authenticatorFault(packet, zeros, secret) ?? messageAuthenticatorFault(packet, zeros, secret)
}

/**
 * Checks that a response answers our request and was sent by someone who knows the shared secret.
 * Whether the Identifier is the request's is for the caller, who keeps the requests.
 * @param requestAuthenticator  the 16 octets of the request's authenticator, as it was sent
 * @returns undefined if all that the packet carries is right, else why it must be discarded silently
 * @see RFC 2865 §3, RFC 2869 §5.14, RFC 5176 §3.4
 */
export function verifyResponse(packet: Packet, requestAuthenticator: Buffer, secret: Secret): Malformed | undefined {
  if (isRequest(packet.code)) return 'RAD_NOT_A_RESPONSE'
  return (
    authenticatorFault(packet, requestAuthenticator, secret) ??
    messageAuthenticatorFault(packet, requestAuthenticator, secret)
  )
}

/**
 * Digest for the authenticator of a packet. RFC 2865 §3, RFC 2866 §3.
 * @param octets         the packet from Code to its last attribute, Message-Authenticator already signed
 * @param authenticator  stands in the authenticator's place: the request's for a response, sixteen zeros for a request
 * @returns 16 octets
 */
export function authenticatorOf(octets: Buffer, authenticator: Buffer, secret: Secret): Buffer {
  message.set(octets, 0)
  message.set(authenticator, 4)
  return secret.authenticate(octets.length)
}

/**
 * Signature for the Message-Authenticator of a packet. RFC 3579 §3.2, RFC 5176 §3.4.
 * @param octets         the packet from Code to its last attribute
 * @param at             where the 16 octets of Message-Authenticator's value begin; they are taken as zero
 * @param authenticator  stands in the authenticator's place
 * @returns 16 octets
 */
export function messageAuthenticatorOf(octets: Buffer, at: number, authenticator: Buffer, secret: Secret): Buffer {
  message.set(octets, 0)
  message.set(authenticator, 4)
  message.fill(0, at, at + 16)
  return secret.sign(octets.length)
}

function authenticatorFault(packet: Packet, authenticator: Buffer, secret: Secret): Malformed | undefined {
  const right = authenticatorOf(packet.octetsOnWire, authenticator, secret)
  return timingSafeEqual(right, packet.authenticator) ? undefined : 'RAD_AUTHENTICATOR_WRONG'
}

function messageAuthenticatorFault(packet: Packet, authenticator: Buffer, secret: Secret): Malformed | undefined {
  const at = packet.messageAuthenticatorAt
  if (at === 0) return undefined
  const octets = packet.octetsOnWire
  const right = messageAuthenticatorOf(octets, at, authenticator, secret)
  return timingSafeEqual(right, octets.subarray(at, at + 16)) ? undefined : 'RAD_MESSAGE_AUTHENTICATOR_WRONG'
}
