/*
 * How EAP-TLS, TTLS and PEAP carry TLS (RFC 5216 §3.1, RFC 5281 §9.1): Flags 1, then with L the length of the whole
 * message 4, then a piece of it.
 *
 *   L 0x80  the length is there     M 0x40  more pieces follow     S 0x20  start
 *   the lowest three bits: the version of TTLS and PEAP
 */
const LENGTH = 0x80
const MORE = 0x40
const START = 0x20
const VERSION = 0x07

/** The data of a Request or Response of these methods. */
export interface TlsFragment {
  readonly more: boolean
  readonly start: boolean
  readonly version: number
  /** Octets of the whole message, where it says so. */
  readonly length?: number
  readonly octets: Buffer
}

/** Reads the data behind the type. @returns undefined where flags or the length are missing. Never throws. */
export function decodeTlsFragment(data: Buffer): TlsFragment | undefined {
  const flags = data[0]
  if (flags === undefined) return undefined
  const common = { more: (flags & MORE) !== 0, start: (flags & START) !== 0, version: flags & VERSION }
  if ((flags & LENGTH) === 0) return { ...common, octets: data.subarray(1) }
  if (data.length < 5) return undefined
  return { ...common, length: data.readUInt32BE(1), octets: data.subarray(5) }
}

/** The data that begins one of these methods. */
export function tlsStart(version = 0): Buffer {
  return Buffer.from([START | version])
}

/** The data that asks for the next piece, or says that there is nothing to say. */
export function tlsAcknowledgement(version = 0): Buffer {
  return Buffer.from([version])
}

/**
 * Cuts a message into pieces. A message that fits one piece has no length.
 * @param most  octets of data in a piece, flags and length included; above 5
 */
export function tlsFragments(message: Buffer, most: number, version = 0): Buffer[] {
  if (message.length + 1 <= most) return [Buffer.concat([Buffer.from([version]), message])]
  const head = Buffer.alloc(5)
  head[0] = LENGTH | MORE | version
  head.writeUInt32BE(message.length, 1)
  let at = most - head.length
  const pieces = [Buffer.concat([head, message.subarray(0, at)])]
  while (at < message.length) {
    const next = Math.min(at + most - 1, message.length)
    const flags = next < message.length ? MORE | version : version
    pieces.push(Buffer.concat([Buffer.from([flags]), message.subarray(at, next)]))
    at = next
  }
  return pieces
}
