import type { Config } from '../../config/index.js'
import { countWords } from '../words.js'
import { type Finding, fix, ok } from './finding.js'

const loopback = /^(127\.|::1(\/|$))/

/** What is written, and whether it can work at all. */
export function checkConfiguration(config: Config): Finding[] {
  const where = config.file ?? 'no configuration file: the defaults hold'
  const findings = [ok('configuration', `${where}; ${countWords(config.nas.length, 'NAS', 'NASes')}`)]
  if (config.nas.length === 0 && config.cloud === undefined) {
    findings.push(
      fix(
        'nas',
        'nobody may ask yet: add a NAS (turnpike nas add bras-1 192.0.2.10 --vendor mikrotik), or name billing, which sends them'
      )
    )
  }
  for (const kind of ['authentication', 'accounting'] as const) {
    const hidden = config.radius[kind].every(({ host }) => loopback.test(host))
    const far = config.nas.find(nas => nas.addresses.some(address => !loopback.test(address)))
    if (hidden && far !== undefined) {
      findings.push(
        fix(
          'listening',
          `radius.${kind} is on this box only, but ${far.id} is elsewhere: add an address that it reaches`
        )
      )
    }
  }
  return findings
}
