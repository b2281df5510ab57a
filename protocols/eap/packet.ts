/*
 * An EAP packet (RFC 3748 §4): Code 1, Identifier 1, Length 2 (header included); Requests and Responses go on with
 * Type 1 and its data.
 */

/** RFC 3748 §4 */
export const EapCode = { Request: 1, Response: 2, Success: 3, Failure: 4 } as const

/** RFC 3748 §5 and the registry of methods. */
export const EapType = {
  Identity: 1,
  Notification: 2,
  Nak: 3,
  Md5Challenge: 4,
  Gtc: 6,
  Tls: 13,
  Ttls: 21,
  Peap: 25,
  MsChapV2: 26,
  Extensions: 33,
  Expanded: 254
} as const

const names = new Map<number, string>([
  [1, 'Identity'],
  [3, 'Nak'],
  [4, 'MD5'],
  [6, 'GTC'],
  [13, 'TLS'],
  [18, 'SIM'],
  [21, 'TTLS'],
  [23, 'AKA'],
  [25, 'PEAP'],
  [26, 'MSCHAPv2'],
  [29, 'PSK'],
  [43, 'FAST'],
  [47, 'PSK'],
  [50, "AKA'"],
  [52, 'PWD'],
  [55, 'TEAP']
])

/** What people call a method: `PEAP`; `type 99` where no name is known. */
export function eapTypeName(type: number): string {
  return names.get(type) ?? `type ${type}`
}

/** A Request or Response that was read. `data` is a view of what it was read from. */
export interface EapPacket {
  readonly code: number
  readonly identifier: number
  readonly type: number
  /** What follows the type. */
  readonly data: Buffer
}

const HEADER = 4

/**
 * Reads a Request or Response. Octets behind its Length are padding and ignored.
 * @returns undefined where it is none, or its Length is wrong. Never throws.
 */
export function decodeEap(octets: Buffer): EapPacket | undefined {
  if (octets.length <= HEADER) return undefined
  const code = octets[0]!
  const length = octets.readUInt16BE(2)
  if (length <= HEADER || length > octets.length) return undefined
  if (code !== EapCode.Request && code !== EapCode.Response) return undefined
  return { code, identifier: octets[1]!, type: octets[4]!, data: octets.subarray(5, length) }
}

/** A Request or Response. @param data  65,530 octets at most @throws RangeError beyond */
export function encodeEap({ code, identifier, type, data }: EapPacket): Buffer {
  const octets = Buffer.allocUnsafe(HEADER + 1 + data.length)
  octets[0] = code
  octets[1] = identifier
  octets.writeUInt16BE(octets.length, 2)
  octets[4] = type
  data.copy(octets, 5)
  return octets
}

/** A Success or Failure: four octets. RFC 3748 §4.2 */
export function encodeEapResult(success: boolean, identifier: number): Buffer {
  return Buffer.from([success ? EapCode.Success : EapCode.Failure, identifier, 0, HEADER])
}
