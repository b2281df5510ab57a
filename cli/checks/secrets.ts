import { type Config, ConfigError, type SecretStore } from '../../config/index.js'
import { type Finding, fix, ok } from './finding.js'

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

/** Whether every secret can be read, and is one that nobody guesses. */
export function checkSecrets(config: Config, secrets: SecretStore): Finding[] {
  const nas = config.nas.map(({ id, secretRef }) => checkOne(`secret of ${id}`, secretRef, secrets, true))
  const { cloud } = config
  if (cloud === undefined) return nas
  const token = checkOne('cloud token', cloud.token, secrets, false)
  return [...nas, token, ...(cloud.key === undefined ? [] : [checkOne('cloud key', cloud.key, secrets, false)])]
}

function checkOne(subject: string, reference: string, secrets: SecretStore, typed: boolean): Finding {
  let octets: Buffer
  try {
    octets = secrets.resolve(reference)
  } catch (error) {
    if (error instanceof ConfigError) return fix(subject, error.message)
    throw error
  }
  const weakness = typed ? weaknessOf(octets) : undefined
  if (weakness === undefined) return ok(subject, `${reference}, ${octets.length} octets`)
  return fix(
    subject,
    `${reference} ${weakness}: put a random one of 32 characters there and on the box (openssl rand -base64 24)`
  )
}

/** Why a shared secret can be guessed from recorded packets; undefined when it cannot. */
export function weaknessOf(octets: Buffer): string | undefined {
  const text = octets.toString('latin1').toLowerCase()
  if (wellKnown.has(text)) return 'is one that everybody knows'
  if (octets.length < SHORTEST) return `has ${octets.length} octets, which is too short to be safe`
  return new Set(octets).size < 6 ? 'repeats a few characters' : undefined
}
