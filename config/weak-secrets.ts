/** RFC 2865 §3: at least 16 octets. */
const SHORTEST = 16

/** What manuals, tutorials and other servers' samples use. */
const wellKnown = new Set([
  'testing123',
  'testing123testing123',
  'secret',
  'radius',
  'mikrotik',
  'cisco',
  'password',
  'admin',
  'changeme',
  '123456',
  '12345678',
  '1234567890123456',
  '0123456789abcdef',
  'radiussecret',
  'sharedsecret',
  'mysecret',
  'test',
  'public',
  'private'
])

/** Why a shared secret can be guessed from recorded packets; undefined when it cannot. */
export function weaknessOf(octets: Buffer): string | undefined {
  const text = octets.toString('latin1').toLowerCase()
  if (wellKnown.has(text)) return 'is one that everybody knows'
  if (octets.length < SHORTEST) return `has ${octets.length} octets, which is too short to be safe`
  return new Set(octets).size < 6 ? 'repeats a few characters' : undefined
}
