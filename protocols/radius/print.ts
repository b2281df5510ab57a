import { codeName } from './codes.js'
import type { Dictionary } from './dictionary.js'
import type { Pair } from './dictionary-decode.js'
import type { Packet } from './packet.js'

/**
 * A packet for people, such as in a log at debug level or in the output of a command:
 *
 *     Access-Request Id 7, 3 attributes
 *       User-Name = "alice"
 *       User-Password = [hidden]
 *       Service-Type = Framed-User
 *
 * Passwords and what follows from them are not shown.
 */
export function printPacket(packet: Packet, dictionary: Dictionary): string {
  const head = `${codeName(packet.code)} Id ${packet.identifier}, ${packet.count} attributes`
  return [head, ...dictionary.decode(packet).map(pair => `  ${printPair(pair)}`)].join('\n')
}

/** One attribute as `Name = value`, or `Name:tag = value`; a password as `Name = [hidden]`. */
export function printPair(pair: Pair): string {
  const name = pair.tag === undefined ? pair.name : `${pair.name}:${pair.tag}`
  return `${name} = ${pair.attribute?.secret === true ? '[hidden]' : printValue(pair)}`
}

function printValue({ value, label, attribute }: Pair): string {
  if (label !== undefined) return label
  if (Buffer.isBuffer(value)) return `0x${value.toString('hex')}`
  if (attribute?.type === 'date') return new Date(Number(value) * 1000).toISOString()
  // JSON's escapes also keep control characters out of terminals and logs
  return attribute?.type === 'string' ? JSON.stringify(value) : String(value)
}
