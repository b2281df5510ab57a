/*
 * The Extensions method that ends PEAPv0 ([MS-PEAP] §2.2.8): TLVs, each M and R bits with Type 2, Length 2, Value. The
 * Result TLV: type 3, length 2, 1 for success, 2 for failure.
 */
const RESULT = 3
const MANDATORY = 0x8000
const SUCCESS = 1
const FAILURE = 2

/** The data that tells the peer the result, protected by TLS. */
export function encodeResult(success: boolean): Buffer {
  const octets = Buffer.alloc(6)
  octets.writeUInt16BE(MANDATORY | RESULT)
  octets.writeUInt16BE(2, 2)
  octets.writeUInt16BE(success ? SUCCESS : FAILURE, 4)
  return octets
}

/** Whether a peer's data says success; undefined where it holds no Result TLV or a wrong length. Never throws. */
export function decodeResult(data: Buffer): boolean | undefined {
  for (let at = 0; at + 4 <= data.length; ) {
    const type = data.readUInt16BE(at) & 0x3fff
    const length = data.readUInt16BE(at + 2)
    if (at + 4 + length > data.length) return undefined
    if (type === RESULT) return length === 2 ? data.readUInt16BE(at + 4) === SUCCESS : undefined
    at += 4 + length
  }
  return undefined
}
