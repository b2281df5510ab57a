/**
 * EAP on the wire: octets to values and back. Pure: no sockets, no clock, no keys. What cannot be read is undefined.
 * RFC 3748, 5216, 5281; draft-kamath-pppext-eap-mschapv2; [MS-PEAP].
 */
export * from './avps.js'
export * from './extensions.js'
export * from './mschapv2.js'
export * from './packet.js'
export * from './tls-fragments.js'
