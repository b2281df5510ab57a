import type { Command } from 'commander'
import { type Config, ConfigError, SecretStore } from '../../config/index.js'
import { checkClock } from '../checks/clock.js'
import { checkCloud } from '../checks/cloud.js'
import { checkConfiguration } from '../checks/configuration.js'
import { checkDisk } from '../checks/disk.js'
import { type Finding, fix } from '../checks/finding.js'
import { checkPorts } from '../checks/ports.js'
import { checkSecrets } from '../checks/secrets.js'
import { exit } from '../errors.js'
import { Invocation } from '../invocation.js'
import { printable } from '../words.js'

/** `turnpike check` */
export function checkCommand(program: Command): void {
  program
    .command('check')
    .description('look at everything that the agent needs: each line is ok, or says what to do')
    .action(async (_options: object, command: Command) => {
      const invocation = new Invocation(command)
      const findings = await check(invocation)
      invocation.answer({ ok: findings.every(finding => finding.ok), findings }, ({ findings: all }) =>
        findingWords(all)
      )
      if (findings.some(finding => !finding.ok)) process.exitCode = exit.no
    })
}

async function check(invocation: Invocation): Promise<Finding[]> {
  const config = configOf(invocation)
  if (Array.isArray(config)) return [...config, await checkClock()]
  const secrets = new SecretStore()
  return [
    ...checkConfiguration(config),
    ...checkSecrets(config, secrets),
    ...(await checkPorts(config)),
    ...(await checkDisk(config)),
    await checkClock(),
    ...(await checkCloud(config, secrets))
  ]
}

/** The configuration, or what is wrong with it. */
function configOf(invocation: Invocation): Config | Finding[] {
  try {
    return invocation.config()
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').map(line => fix('configuration', line))
    throw error
  }
}

function findingWords(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length))
  const lines = findings.map(
    ({ ok, subject, words }) => `${ok ? 'ok ' : 'fix'} ${subject.padEnd(width)}  ${printable(words)}\n`
  )
  return lines.join('')
}
