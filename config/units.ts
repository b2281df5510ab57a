import { isIPv4, isIPv6 } from 'node:net'

/*
 * Sizes, durations, rates and endpoints as people write them, parsed here and nowhere else.
 * A unit is always written: a bare number would leave it to the reader whether 5 are seconds or minutes.
 */

/** A listening or remote place. `host` is an IP address without brackets. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** What a text is read as; `seconds` is a duration whose value is kept in whole seconds. */
export type Reading = 'duration' | 'seconds' | 'size' | 'rate' | 'endpoint'

/** What each reading accepts, for error messages and for the published schema. */
export const readings: Readonly<Record<Reading, { readonly words: string; readonly pattern: string }>> = {
  duration: {
    words: 'a duration with its unit (ms, s, m, h, d), such as 500ms, 5s or 90d',
    pattern: '^[0-9]+(\\.[0-9]+)? ?(ms|s|m|h|d)$'
  },
  seconds: {
    words: 'a duration in whole seconds with its unit (s, m, h, d), such as 300s or 5m',
    pattern: '^[0-9]+(\\.[0-9]+)? ?(s|m|h|d)$'
  },
  size: {
    words: 'a size with its unit (KiB, MiB, GiB, TiB, kB, MB, GB, TB), such as 8MiB',
    pattern: '^[0-9]+(\\.[0-9]+)? ?(KiB|MiB|GiB|TiB|kB|MB|GB|TB)$'
  },
  rate: {
    words: 'a rate with its unit (k, M, G, of 1000), such as 512k or 10M',
    pattern: '^[0-9]+(\\.[0-9]+)? ?(k|M|G)(bit/s)?$'
  },
  endpoint: {
    words: 'an IP address and a port, such as 127.0.0.1:1812 or "[::1]:1812" (quoted)',
    pattern: '^([0-9.]+|\\[[0-9a-fA-F:.]+\\]):[0-9]{1,5}$'
  }
}

const factors: Readonly<Record<'time' | 'size' | 'rate', Readonly<Record<string, number>>>> = {
  time: { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 },
  size: {
    KiB: 2 ** 10,
    MiB: 2 ** 20,
    GiB: 2 ** 30,
    TiB: 2 ** 40,
    kB: 1e3,
    MB: 1e6,
    GB: 1e9,
    TB: 1e12
  },
  rate: { k: 1e3, M: 1e6, G: 1e9 }
}

/** Reads a duration. @returns milliseconds, whole; undefined when the text is none */
export function readDuration(text: string): number | undefined {
  return scaled(text, 'time')
}

/** Reads a size. @returns octets, whole; undefined when the text is none */
export function readSize(text: string): number | undefined {
  return scaled(text, 'size')
}

/** Reads a rate. @returns bit/s, whole; undefined when the text is none */
export function readRate(text: string): number | undefined {
  return scaled(text.replace(/bit\/s$/, ''), 'rate')
}

/** Reads `address:port`, IPv6 in brackets. Port 0 lets the system choose. @returns undefined when the text is none */
export function readEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:([0-9.]+)|\[([0-9a-fA-F:.]+)\]):(\d{1,5})$/.exec(text)
  const [, ipv4, ipv6] = match ?? []
  const port = Number(match?.[3])
  const host = ipv4 ?? ipv6 ?? ''
  const isAddress = ipv4 === undefined ? isIPv6(host) : isIPv4(host)
  return match !== null && isAddress && port <= 65535 ? { host, port } : undefined
}

/** Reads a text as `reading` says: milliseconds, seconds, octets, bit/s or an endpoint; undefined when it is none. */
export function readAs(reading: Reading, text: string): number | Endpoint | undefined {
  if (reading === 'duration') return readDuration(text)
  if (reading === 'size') return readSize(text)
  if (reading === 'rate') return readRate(text)
  if (reading === 'endpoint') return readEndpoint(text)
  const milliseconds = readDuration(text)
  return milliseconds !== undefined && milliseconds % 1000 === 0 ? milliseconds / 1000 : undefined
}

function scaled(text: string, table: keyof typeof factors): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(text)
  const factor = factors[table][match?.[2] ?? '']
  if (match === null || factor === undefined) return undefined
  const value = Math.round(Number(match[1]) * factor)
  return Number.isSafeInteger(value) ? value : undefined
}
