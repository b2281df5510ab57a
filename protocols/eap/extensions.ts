/*
 * The Extensions method that ends PEAPv0 ([MS-PEAP] §2.2.8): TLVs, each M and R bits with Type 2, Length 2, Value.
 *
 *   Result 3          Length 2: 1 for success, 2 for failure
 *   Cryptobinding 12  Length 56: Reserved 1, Version 1, RecvVersion 1, SubType 1 (0 request, 1 response), Nonce 32,
 *                     Compound MAC 20. [MS-PEAP] §2.2.8.1.1
 */
const RESULT = 3
const CRYPTO_BINDING = 12
const MANDATORY = 0x8000
const SUCCESS = 1
const FAILURE = 2

const HEADER = 4
const BINDING = 56
const NONCE_AT = HEADER + 4
const MAC_AT = NONCE_AT + 32
const RESPONSE = 1

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
  const tlv = tlvOf(data, RESULT)
  return tlv?.length === HEADER + 2 ? tlv.readUInt16BE(HEADER) === SUCCESS : undefined
}

/**
 * The server's Cryptobinding TLV, for PEAPv0, its MAC still zero: see `withMac`. It is not mandatory: a peer that does not
 * know it passes over it.
 * @param nonce  32 octets
 */
export function encodeCryptoBinding(nonce: Buffer): Buffer {
  const octets = Buffer.alloc(HEADER + BINDING)
  octets.writeUInt16BE(CRYPTO_BINDING)
  octets.writeUInt16BE(BINDING, 2)
  nonce.copy(octets, NONCE_AT)
  return octets
}

/** What a peer binds with: the TLV as its MAC was computed over it, and that MAC. */
export interface CryptoBindingResponse {
  readonly unsigned: Buffer
  /** 20 octets. */
  readonly mac: Buffer
}

/** The peer's Cryptobinding TLV; undefined where there is none, `malformed` where it is no response for PEAPv0. */
export function decodeCryptoBinding(data: Buffer): CryptoBindingResponse | 'malformed' | undefined {
  const tlv = tlvOf(data, CRYPTO_BINDING)
  if (tlv === undefined) return undefined
  if (tlv.length !== HEADER + BINDING || tlv[HEADER + 1] !== 0 || tlv[HEADER + 3] !== RESPONSE) return 'malformed'
  return { unsigned: withMac(tlv, Buffer.alloc(20)), mac: tlv.subarray(MAC_AT) }
}

/** A copy of a Cryptobinding TLV with this MAC. @param mac  20 octets */
export function withMac(binding: Buffer, mac: Buffer): Buffer {
  return Buffer.concat([binding.subarray(0, MAC_AT), mac])
}

/** The first TLV of a type, whole; undefined where there is none, or a length is wrong before it. */
function tlvOf(data: Buffer, type: number): Buffer | undefined {
  for (let at = 0; at + HEADER <= data.length; ) {
    const end = at + HEADER + data.readUInt16BE(at + 2)
    if (end > data.length) return undefined
    if ((data.readUInt16BE(at) & 0x3fff) === type) return data.subarray(at, end)
    at = end
  }
  return undefined
}
