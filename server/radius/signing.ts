import type { Nas } from '../../agent/model/index.js'
import { Attr, Code, type Packet } from '../../protocols/radius/index.js'
import type { DiscardReason } from './discards.js'
import type { Source } from './sources.js'

/** `auto` demands Message-Authenticator of a box that has shown it; `required` always; `exempt` never. */
export type SigningRule = NonNullable<Nas['messageAuthenticator']>

/** Boxes that have signed an Access-Request, by `Source.box`. Kept wherever it survives a restart. */
export interface Locks {
  has(box: string): boolean
  /** Remembers it; called once a box and start. */
  lock(box: string): void
}

/** Locks for as long as the program runs. */
export class LocksInMemory implements Locks {
  readonly #boxes = new Set<string>()

  has(box: string): boolean {
    return this.#boxes.has(box)
  }

  lock(box: string): void {
    this.#boxes.add(box)
  }

  unlock(box: string): void {
    this.#boxes.delete(box)
  }
}

/**
 * Whether an Access-Request must be discarded for what it lacks. Its signature, where it has one, was verified before.
 * A request with EAP does not lock: there the signature is demanded anyway, and boxes that sign EAP and nothing else exist.
 * @see RFC 3579 §3.2, RFC 2869 §5.19, CVE-2024-3596 (BlastRADIUS)
 */
export function signingFault(
  packet: Packet,
  source: Source,
  usual: SigningRule,
  locks: Locks
): DiscardReason | undefined {
  if (packet.code !== Code.AccessRequest) return undefined
  const eap = packet.has(Attr.EapMessage)
  const broken = passwordBesideEap(packet)
  if (broken !== undefined) return broken
  const rule = source.nas.messageAuthenticator ?? usual
  if (packet.messageAuthenticatorAt === 0) return unsignedFault(packet, source, rule, locks)
  if (rule === 'auto' && !eap && !locks.has(source.box)) locks.lock(source.box)
  return undefined
}

/** A request with EAP-Message and a password is discarded, however it came. RFC 2869 §5.19 */
export function passwordBesideEap(packet: Packet): DiscardReason | undefined {
  if (!packet.has(Attr.EapMessage)) return undefined
  return packet.has(Attr.UserPassword) || packet.has(Attr.ChapPassword) ? 'EAP_WITH_PASSWORD' : undefined
}

function unsignedFault(packet: Packet, source: Source, rule: SigningRule, locks: Locks): DiscardReason | undefined {
  if (packet.has(Attr.ProxyState)) return 'PROXY_STATE_UNSIGNED'
  if (rule === 'required') return 'MESSAGE_AUTHENTICATOR_REQUIRED'
  return rule === 'auto' && locks.has(source.box) ? 'MESSAGE_AUTHENTICATOR_LOCKED' : undefined
}
