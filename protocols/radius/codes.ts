/** Codes of RADIUS packets. RFC 2865 §3, RFC 2866 §3, RFC 5176 §2.3, RFC 5997 §3. */
export const Code = {
  AccessRequest: 1,
  AccessAccept: 2,
  AccessReject: 3,
  AccountingRequest: 4,
  AccountingResponse: 5,
  AccessChallenge: 11,
  StatusServer: 12,
  StatusClient: 13,
  DisconnectRequest: 40,
  DisconnectAck: 41,
  DisconnectNak: 42,
  CoaRequest: 43,
  CoaAck: 44,
  CoaNak: 45
} as const

/** Code of a packet that the codec accepts. */
export type Code = (typeof Code)[keyof typeof Code]

const names = new Map<number, string>([
  [1, 'Access-Request'],
  [2, 'Access-Accept'],
  [3, 'Access-Reject'],
  [4, 'Accounting-Request'],
  [5, 'Accounting-Response'],
  [11, 'Access-Challenge'],
  [12, 'Status-Server'],
  [13, 'Status-Client'],
  [40, 'Disconnect-Request'],
  [41, 'Disconnect-ACK'],
  [42, 'Disconnect-NAK'],
  [43, 'CoA-Request'],
  [44, 'CoA-ACK'],
  [45, 'CoA-NAK']
])

const known = Uint8Array.from({ length: 256 }, (_, code) => (names.has(code) ? 1 : 0))

/** Whether a Code (0–255) is one of {@link Code}. */
export function isKnownCode(code: number): boolean {
  return known[code] === 1
}

/** RFC spelling of a Code, such as `Access-Request`; `Code-99` where none is known. */
export function codeName(code: number): string {
  return names.get(code) ?? `Code-${code}`
}

/** Whether a Code asks: Access, Accounting, Status-Server, Status-Client, Disconnect and CoA requests. */
export function isRequest(code: number): boolean {
  switch (code) {
    case Code.AccessRequest:
    case Code.AccountingRequest:
    case Code.StatusServer:
    case Code.StatusClient:
    case Code.DisconnectRequest:
    case Code.CoaRequest:
      return true
    default:
      return false
  }
}

/**
 * Whether the Request Authenticator of a Code is a digest over the packet and the shared secret,
 * computed with sixteen zero octets in its own place. RFC 2866 §3, RFC 5176 §2.3.
 */
export function hasDigestAuthenticator(code: number): boolean {
  return code === Code.AccountingRequest || code === Code.DisconnectRequest || code === Code.CoaRequest
}
