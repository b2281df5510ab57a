import type { Packet } from '../../protocols/radius/index.js'
import type { Outcome } from './replies.js'
import type { Source } from './sources.js'

/** A request whose sender and structure were verified. */
export interface RadiusRequest {
  readonly packet: Packet
  readonly source: Source
}

/** What became of a request, and the attributes of the reply. */
export interface Answer {
  readonly outcome: Outcome
  /** Whole attributes, at most 4058 octets; Message-Authenticator and Proxy-State are added when the reply is signed. */
  readonly attributes: Buffer
}

/** Works on one kind of request. Whatever it throws is caught, counted and logged: the request gets no reply. */
export type Handler = (request: RadiusRequest) => Answer | Promise<Answer>

const NOTHING = Buffer.alloc(0)

/** An answer without attributes. */
export function plain(outcome: Outcome): Answer {
  return { outcome, attributes: NOTHING }
}
