/** Certificates of devices and NASes that their CA has taken back. RFC 5280 §5 */
export { RevocationError, type RevocationErrorCode, revocationErrors } from './errors.js'
export { readRevocations, type RevocationFiles } from './lists.js'
export type { Path } from './path.js'
export { Revocations } from './revocations.js'
