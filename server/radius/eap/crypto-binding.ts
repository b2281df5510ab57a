import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { decodeCryptoBinding, EapType, encodeCryptoBinding, withMac } from '../../../protocols/eap/index.js'
import type { EapKeys } from './method.js'

/*
 * PEAPv0's proof that the tunnel and what was said inside belong to the same two ends ([MS-PEAP] §3.1.5.5.2):
 *
 *   TK         the first 60 octets of the tunnel's key material; with TLS 1.3 that of RFC 9427 §2.5
 *   IPMK, CMK  40 and 20 octets of PRF+(TK[0..40], "Inner Methods Compound Keys", ISK); TK itself where the session was
 *              resumed, since then nothing was said inside
 *   ISK        the inner method's keys: 32 octets, zero where it has none
 *   MAC        HMAC-SHA1(CMK, TLV with a MAC of zero, EAP type of PEAP)
 *   MSK        the first 64 octets of PRF+(IPMK, "Session Key Generating Function", 0). [MS-PEAP] §3.1.5.7
 */
const TEMP_KEY = 40
const TUNNEL_KEY = 60
const ISK = 32
const MSK = 64
const PEAP = Buffer.from([EapType.Peap])

/** Whether the peer has bound; `forged` where its MAC is not that of this tunnel and this inner method. */
export type Bound = 'bound' | 'not' | 'forged'

/** One conversation's binding. */
export class CryptoBinding {
  readonly #nonce = randomBytes(32)
  readonly #ipmk: Buffer
  readonly #cmk: Buffer

  /**
   * @param material  the tunnel's keys, 60 octets or more
   * @param inner     keys of the inner method; undefined where it has none; `resumed` where none was spoken
   */
  constructor(material: Buffer, inner: EapKeys | 'resumed' | undefined) {
    const tunnel = material.subarray(0, TUNNEL_KEY)
    const keys =
      inner === 'resumed'
        ? tunnel
        : prfPlus(tunnel.subarray(0, TEMP_KEY), 'Inner Methods Compound Keys', sessionKeyOf(inner), TUNNEL_KEY)
    this.#ipmk = keys.subarray(0, TEMP_KEY)
    this.#cmk = keys.subarray(TEMP_KEY)
  }

  /** The TLV that asks the peer to bind. */
  get request(): Buffer {
    const unsigned = encodeCryptoBinding(this.#nonce)
    return withMac(unsigned, this.#mac(unsigned))
  }

  /** Looks at what the peer answered. @param data  its TLVs */
  check(data: Buffer): Bound {
    const response = decodeCryptoBinding(data)
    if (response === undefined) return 'not'
    if (response === 'malformed') return 'forged'
    return timingSafeEqual(response.mac, this.#mac(response.unsigned)) ? 'bound' : 'forged'
  }

  /** The keys of device and NAS once the peer has bound. */
  get keys(): EapKeys {
    const octets = prfPlus(this.#ipmk, 'Session Key Generating Function', Buffer.from([0]), MSK)
    return { receive: octets.subarray(0, 32), send: octets.subarray(32) }
  }

  #mac(unsigned: Buffer): Buffer {
    return createHmac('sha1', this.#cmk).update(unsigned).update(PEAP).digest()
  }
}

// MSCHAPv2 has 16 octets each way; what the server receives with comes first. [MS-PEAP] §3.1.5.5.2.2
function sessionKeyOf(inner: EapKeys | undefined): Buffer {
  const octets = Buffer.alloc(ISK)
  if (inner !== undefined) Buffer.concat([inner.receive, inner.send]).copy(octets)
  return octets
}

/** T1 | T2 | …, Tn = HMAC-SHA1(key, Tn-1 | label | seed | n | 0 | 0). [MS-PEAP] §3.1.5.5.2.2 */
function prfPlus(key: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const pieces: Buffer[] = []
  for (let n = 1; (n - 1) * 20 < length; n++) {
    const hmac = createHmac('sha1', key).update(pieces.at(-1) ?? Buffer.alloc(0))
    pieces.push(
      hmac
        .update(label)
        .update(seed)
        .update(Buffer.from([n, 0, 0]))
        .digest()
    )
  }
  return Buffer.concat(pieces).subarray(0, length)
}
