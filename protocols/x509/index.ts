/** Lists of revoked certificates, and as much of DER as they need. Pure: nothing is verified here. RFC 5280, X.690. */
export { type Crl, type CrlEnvelope, decodeCrl, decodeCrlEnvelope, revokedAt, serialOf } from './crl.js'
export { derAt, type DerElement, DerTag, oidText, readDer, readSequence, timeOf } from './der.js'
