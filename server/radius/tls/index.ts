/** RADIUS over TLS (RadSec): RFC 6614 and RADIUS/1.1, RFC 9765; CoA over the NAS's own connection. */
export { type Parting, partings, RadSecError, type RadSecErrorCode, radSecErrors } from './errors.js'
export { type Identity, type IdentityFiles, readIdentity } from './identity.js'
export { defaultRadSecLimits, type RadSecLimits } from './limits.js'
export { namesOf } from './names.js'
export { RadSec, type RadSecCounts, type RadSecOptions, type ReverseChannel } from './radsec.js'
