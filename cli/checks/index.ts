import { type Config, ConfigError, SecretStore } from '../../config/index.js'
import type { Invocation } from '../invocation.js'
import { checkCertificates } from './certificates.js'
import { checkClock } from './clock.js'
import { checkCloud } from './cloud.js'
import { checkConfiguration } from './configuration.js'
import { checkDisk } from './disk.js'
import { type Finding, fix } from './finding.js'
import { checkPorts } from './ports.js'
import { checkSecrets } from './secrets.js'
import { checkTemplates } from './templates.js'

/** Looks at everything that the agent needs; where the configuration is wrong, at that and the clock only. */
export async function check(invocation: Invocation): Promise<Finding[]> {
  const config = await configOf(invocation)
  if (Array.isArray(config)) return [...config, await checkClock()]
  const secrets = new SecretStore()
  return [
    ...checkConfiguration(config),
    ...checkSecrets(config, secrets),
    ...checkCertificates(config, secrets),
    ...checkTemplates(config),
    ...(await checkPorts(config)),
    ...(await checkDisk(config)),
    await checkClock(),
    ...(await checkCloud(config, secrets))
  ]
}

/** The configuration, or what is wrong with it. */
async function configOf(invocation: Invocation): Promise<Config | Finding[]> {
  try {
    return await invocation.config()
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').map(line => fix('configuration', line))
    throw error
  }
}
