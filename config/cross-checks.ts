import type { RawConfig } from './config.js'
import type { Problem } from './errors.js'
import type { Source, Steps } from './source.js'
import { pathOf } from './validate.js'

/** What a schema cannot say: things that must not meet, or must come together. */
export function crossChecks(source: Source, config: RawConfig): Problem[] {
  const clash = (steps: Steps, expected: string): Problem => ({
    path: pathOf(steps),
    ...source.place(steps, 'value'),
    found: source.found(steps),
    expected
  })
  return [
    ...nasClashes(config, clash),
    ...listenerClashes(config, clash),
    ...certificateGaps(config, clash),
    ...cloudClashes(config, clash),
    ...realmClashes(config, clash)
  ]
}

type Clash = (steps: Steps, expected: string) => Problem

function nasClashes({ nas = [] }: RawConfig, clash: Clash): Problem[] {
  const ids = new Set<string>()
  const owners = new Map<string, string>()
  const problems: Problem[] = []
  for (const [index, entry] of nas.entries()) {
    if (ids.has(entry.id)) problems.push(clash(['nas', `${index}`, 'id'], 'an id that no other NAS has'))
    ids.add(entry.id)
    for (const [position, address] of entry.addresses.entries()) {
      const owner = owners.get(address.toLowerCase())
      const steps = ['nas', `${index}`, 'addresses', `${position}`]
      if (owner !== undefined) problems.push(clash(steps, `an address that is not given to «${owner}» already`))
      owners.set(address.toLowerCase(), entry.id)
    }
  }
  return problems
}

function listenerClashes({ radius }: RawConfig, clash: Clash): Problem[] {
  const taken = new Set<string>()
  const problems: Problem[] = []
  for (const kind of ['authentication', 'accounting'] as const) {
    for (const [index, address] of (radius?.[kind] ?? []).entries()) {
      const steps = ['radius', kind, `${index}`]
      if (taken.has(address)) problems.push(clash(steps, 'an address and port that nothing else listens on'))
      if (!address.endsWith(':0')) taken.add(address)
    }
  }
  return problems
}

/** What belongs to one way to billing alone. */
function cloudClashes({ cloud }: RawConfig, clash: Clash): Problem[] {
  if (cloud === undefined) return []
  const isNats = /^(nats|tls):/.test(cloud.url)
  const wrong = isNats ? 'mapping' : 'nats'
  const words = isNats ? 'no mapping: it is for HTTP' : 'no section nats: cloud.url is not that of NATS (tls://)'
  return cloud[wrong] === undefined ? [] : [clash(['cloud', wrong], words)]
}

function certificateGaps({ cloud, radius }: RawConfig, clash: Clash): Problem[] {
  const problems: Problem[] = []
  if (cloud !== undefined && (cloud.certificate === undefined) !== (cloud.key === undefined))
    problems.push(clash(['cloud'], 'certificate and key together, or neither'))
  if (radius?.eap?.crl !== undefined && radius.eap.ca === undefined)
    problems.push(clash(['radius', 'eap', 'crl'], 'the CA beside it (ca): it signs the list, and the certificates'))
  return problems
}

function realmClashes({ proxy }: RawConfig, clash: Clash): Problem[] {
  const names = (proxy?.realms ?? []).map(({ realm }) => realm.toLowerCase())
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [clash(['proxy', 'realms', `${index}`, 'realm'], 'a realm that is not there already')]
  )
}
