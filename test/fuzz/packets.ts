/*
 * Packets that nobody should send: golden ones with a few octets changed, cut, doubled or moved, noise, and signed ones
 * that get past the authenticator. The same seed gives the same packets.
 */
import {
  Attr,
  AttributeWriter,
  authenticatorOf,
  Code,
  encodeRequest,
  type Secret
} from '../../protocols/radius/index.js'
import { goldenAttributes, goldenPackets } from '../protocols/radius/golden.js'

const HEADER = 20
const MOST = 4096
const SIGNED = [Code.AccessRequest, Code.AccountingRequest, Code.StatusServer]
/** Of signed accounting, one in so many may open a session; the rest repeat a few, so that memory can be compared. */
const STRANGERS = 16
const SESSIONS = 256

/** Numbers that look random: xorshift32. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 1
  }

  /** 0 … below − 1. */
  next(below: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % below
  }

  pick<T>(from: readonly T[]): T {
    return from[this.next(from.length)]!
  }
}

const packets = goldenPackets()
const attributes = goldenAttributes().filter(({ length }) => length < MOST - 100)

/** The next packet, and whether it is meant for the port of accounting. */
export function nextPacket(dice: Dice, secret: Secret): { datagram: Buffer; accounting: boolean } {
  const accounting = dice.next(2) === 0
  switch (dice.next(8)) {
    case 0:
      return { datagram: noise(dice), accounting }
    case 1:
    case 2:
    case 3:
      return { datagram: mutated(dice.pick(packets), dice), accounting }
    default:
      return signed(dice, secret)
  }
}

function noise(dice: Dice): Buffer {
  return Buffer.from(Array.from({ length: dice.next(300) }, () => dice.next(256)))
}

function signed(dice: Dice, secret: Secret): { datagram: Buffer; accounting: boolean } {
  const code = dice.pick(SIGNED)
  const accounting = code === Code.AccountingRequest
  const golden = dice.pick(attributes)
  const said = dice.next(3) === 0 ? mutated(golden, dice) : withOtherValues(golden, dice)
  const whole = accounting && dice.next(STRANGERS) > 0 ? Buffer.concat([familiar(dice), said]) : said
  const datagram = encodeRequest(code, dice.next(256), whole.subarray(0, MOST - 60), secret, {
    messageAuthenticator: dice.next(2) === 0
  }).datagram
  // Lengths may be wrong all the same, under a digest that is right.
  if (accounting && dice.next(4) === 0) {
    const changed = mutated(datagram, dice)
    if (changed.length >= HEADER && changed.length <= MOST)
      authenticatorOf(changed, Buffer.alloc(16), secret).copy(changed, 4)
    return { datagram: changed, accounting }
  }
  return { datagram, accounting }
}

/** The same attributes, with octets of some values changed: what is malformed lies deeper. */
function withOtherValues(golden: Buffer, dice: Dice): Buffer {
  const octets = Buffer.from(golden)
  for (let at = 0; at + 2 < octets.length && octets[at + 1]! > 2; at += octets[at + 1]!) {
    const value = at + 2 + dice.next(octets[at + 1]! - 2)
    if (dice.next(3) === 0 && value < octets.length) octets[value] = dice.next(256)
  }
  return octets
}

/** What names a session that was seen before; it stands first, and what stands first counts. */
function familiar(dice: Dice): Buffer {
  const session = dice.next(SESSIONS)
  return new AttributeWriter()
    .uint32(Attr.AcctStatusType, dice.pick([1, 2, 3, 3, 3, 7]))
    .add(Attr.AcctSessionId, `81${session}`)
    .add(Attr.UserName, `user${session}`)
    .uint32(Attr.NasPort, session)
    .uint32(Attr.AcctSessionTime, dice.next(100_000))
    .uint32(Attr.AcctInputOctets, dice.next(2 ** 31))
    .finish()
}

/** One to four changes. */
export function mutated(original: Buffer, dice: Dice): Buffer {
  let octets = Buffer.from(original)
  for (let n = 1 + dice.next(4); n > 0; n--) octets = change(octets, dice)
  return octets.subarray(0, MOST + 100)
}

function change(octets: Buffer, dice: Dice): Buffer<ArrayBuffer> {
  const at = dice.next(octets.length + 1)
  const to = at + dice.next(octets.length - at + 1)
  switch (dice.next(6)) {
    case 0:
      return Buffer.concat([octets.subarray(0, at)])
    case 1:
      return Buffer.concat([octets.subarray(0, to), octets.subarray(at)])
    case 2:
      return Buffer.concat([octets.subarray(0, at), octets.subarray(to)])
    case 3:
      return Buffer.concat([octets.subarray(0, at), Buffer.from([dice.next(256), dice.next(256)]), octets.subarray(at)])
    default: {
      const changed = Buffer.from(octets)
      if (at < changed.length) changed[at] = dice.pick([0, 1, 2, 0x7f, 0x80, 0xff, dice.next(256)])
      return changed
    }
  }
}
