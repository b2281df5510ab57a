/** The RADIUS server: authentication, accounting and Status-Server over UDP. RFC 2865, 2866, 2869, 5080, 5997. */
export { accessHandler, type AccessOptions } from './access.js'
export { AccessRequest } from './access-request.js'
export { accountingHandler, type AccountingOptions, type SubscriberNames } from './accounting.js'
export type { RadiusCounts } from './counters.js'
export type { AddressPools, Lessee } from './addresses.js'
export { type DiscardReason, discards, discardWords } from './discards.js'
export { Damping, type DampingSettings, defaultDamping } from './damping.js'
export { systemTimers, type Timers } from './delayed.js'
export { defaultDuplicateLimits, type DuplicateLimits } from './duplicates.js'
export {
  type Abandoned,
  checkCertificate,
  checkDates,
  type EapCertificate,
  EapError,
  type EapErrorCode,
  eapErrors,
  type EapFiles,
  eapMethodNames,
  type EapOptions,
  EapServer,
  endOf,
  type MethodsFor,
  readEapFiles
} from './eap/index.js'
export { RadiusServerError, type RadiusServerErrorCode, radiusServerErrors } from './errors.js'
export { type Address, textOf as addressText } from './sockets/socket.js'
export { DurableLocks } from './locks.js'
export type { Carrier } from './exchange.js'
export { methods } from './methods/index.js'
export type { Directory, Judgement, Method } from './methods/method.js'
export { printable } from './printable.js'
export { type RejectedKind, RejectedLately } from './rejected-lately.js'
export type { Rejected } from './rejected.js'
export { Rejections } from './rejections.js'
export {
  readRevocations,
  RevocationError,
  revocationErrors,
  type RevocationFiles,
  Revocations
} from './revocation/index.js'
export { type Outcome, type Port, replies, type ReplyRow } from './replies.js'
export { type Answer, type Handler, plain, type RadiusRequest } from './request.js'
export { type Bound, type Listening, RadiusServer, type RadiusServerOptions } from './server.js'
export { onceInformed, withoutHeld } from './undecided.js'
export { type Locks, LocksInMemory, type SigningRule } from './signing.js'
