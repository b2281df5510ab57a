import { isUtf8 } from 'node:buffer'

/**
 * Octets as text: UTF-8 where they are valid UTF-8, else Latin-1 octet by octet. Never throws, loses nothing.
 * RFC 2865 §5 says UTF-8; equipment in the field sends Latin-1 and binary too.
 */
export function textOf(octets: Buffer, from = 0, to = octets.length): string {
  for (let at = from; at < to; at++) {
    if (octets[at]! > 0x7f) {
      return octets.toString(isUtf8(octets.subarray(from, to)) ? 'utf8' : 'latin1', from, to)
    }
  }
  return octets.toString('latin1', from, to)
}
