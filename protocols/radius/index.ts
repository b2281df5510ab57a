/**
 * RADIUS on the wire: octets to values and back. Pure: no sockets, no clock, no files.
 * RFC 2865, 2866, 2867–2869, 3162, 3579, 5176, 5997, 6929, 8044.
 */
export * from './addresses.js'
export * from './attributes.js'
export * from './authenticators.js'
export * from './codes.js'
export type * from './definitions.js'
export { Dictionary } from './dictionary.js'
export type { Pair, RevealOptions } from './dictionary-decode.js'
export type { EncodeOptions } from './dictionary-encode.js'
export type { DictionarySource, IncludeSource } from './dictionary-reader.js'
export { MAX_PACKET, md5, Secret } from './digest.js'
export * from './encode.js'
export * from './errors.js'
export * from './mschap.js'
export { type DecodeOptions, Packet } from './packet.js'
export * from './passwords.js'
export * from './print.js'
export { textOf } from './text.js'
export { decodeValue, encodeValue, isValueType, type Value, type ValueType } from './values.js'
export { type VendorFormat, vendorFormats } from './vendor-format.js'
