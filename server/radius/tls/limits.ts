import type { Milliseconds } from '../../../agent/model/index.js'

/** What a peer may take of this machine. */
export interface RadSecLimits {
  /** Connections in all, with those that still shake hands. */
  readonly connections: number
  /** Connections of one address. */
  readonly perAddress: number
  readonly handshake: Milliseconds
  /** From the first octet of a packet to its last; also how long replies may wait to be taken. */
  readonly packet: Milliseconds
  /** Silence after which a connection is closed. TCP asks every minute whether the peer is there. */
  readonly idle: Milliseconds
  /** Requests of a connection that are worked on at once; then its octets wait in the network. */
  readonly inFlight: number
  /** Octets of replies that wait to be taken; then no more requests are read. */
  readonly replies: number
}

/** Room for a thousand NASes, and little for a stranger. */
export const defaultRadSecLimits: RadSecLimits = {
  connections: 1024,
  perAddress: 64,
  handshake: 10_000,
  packet: 10_000,
  idle: 3_600_000,
  inFlight: 1024,
  replies: 1 << 20
}
