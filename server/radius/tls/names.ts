import { isIP } from 'node:net'
import type { PeerCertificate } from 'node:tls'
import type { Nas } from '../../../agent/model/index.js'

/** Where NASes are looked up. */
export interface NasNames {
  find(address: string): Nas | undefined
  byId(id: string): Nas | undefined
  all(): readonly Nas[]
}

const entry = /(DNS|IP Address|URI|[A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y

/**
 * The names of a certificate that may stand for a NAS: subject CN, and DNS, IP and URI of its SAN, in lower case.
 * @see RFC 6614 §2.3, point 2
 */
export function namesOf({ subject, subjectaltname }: Pick<PeerCertificate, 'subject' | 'subjectaltname'>): Set<string> {
  const common = [subject?.CN ?? []].flat()
  return new Set([...common, ...alternatives(subjectaltname ?? '')].map(spelled))
}

/**
 * The NAS that a certificate names, or the address where `byAddress` allows it: then only a NAS that has no certificate
 * names of its own.
 */
export function nasOf(
  names: ReadonlySet<string>,
  address: string,
  nases: NasNames,
  byAddress: boolean
): Nas | 'UNKNOWN_NAME' | 'AMBIGUOUS_NAME' {
  const named = nases.all().filter(nas => hasName(nas, names))
  if (named.length > 1) return 'AMBIGUOUS_NAME'
  if (named[0] !== undefined) return named[0]
  const there = byAddress ? nases.find(address) : undefined
  return there !== undefined && (there.certificateNames ?? []).length === 0 ? there : 'UNKNOWN_NAME'
}

function hasName({ certificateNames = [] }: Nas, names: ReadonlySet<string>): boolean {
  return certificateNames.some(name => names.has(spelled(name)))
}

// Names with commas or quotes are quoted like JSON. A text that does not end where it should holds no names at all.
function alternatives(text: string): string[] {
  const found: string[] = []
  entry.lastIndex = 0
  while (entry.lastIndex < text.length) {
    const [, kind, value = ''] = entry.exec(text) ?? []
    if (kind === undefined) return []
    if (kind === 'DNS' || kind === 'IP Address' || kind === 'URI') found.push(unquoted(value))
  }
  return found
}

function unquoted(value: string): string {
  return value.startsWith('"') ? (JSON.parse(value) as string) : value
}

// Certificates print IPv6 addresses in full, people do not.
function spelled(name: string): string {
  const lower = name.toLowerCase()
  return isIP(lower) === 6 ? new URL(`http://[${lower}]`).hostname : lower
}
