/** EAP: conversations with devices through their NAS. RFC 3748, 3579, 5216, 5281, 9190, 9427; PEAPv0; EAP-MSCHAPv2. */
export { checkCertificate, checkDates, type EapCertificate, endOf } from './certificate.js'
export { eapMethodNames, type MethodsFor } from './choice.js'
export { EapError, type EapErrorCode, eapErrors } from './errors.js'
export { type EapFiles, readEapFiles } from './files.js'
export { type Abandoned, type EapOptions, EapServer } from './server.js'
