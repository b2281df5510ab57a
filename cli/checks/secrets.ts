import { type Config, ConfigError, type SecretStore, weaknessOf } from '../../config/index.js'
import { type Finding, fix, ok } from './finding.js'

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
