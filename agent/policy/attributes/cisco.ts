import { standard } from './standard.js'
import type { Vocabulary } from './vocabulary.js'

/**
 * Cisco IOS, IOS XE, ISG. Rates are policy maps that exist on the box: a profile `home-100` asks for `home-100-up`
 * (from the subscriber: in) and `home-100-down` (out). The walled garden is an ISG service of the filter's name.
 */
export const cisco: Vocabulary = {
  ...standard,
  service: [...standard.service, 'Cisco-AVPair', 'Cisco-Account-Info'],
  policy: name => [
    ['Cisco-AVPair', `ip:sub-qos-policy-in=${name}-up`],
    ['Cisco-AVPair', `ip:sub-qos-policy-out=${name}-down`]
  ],
  walled: ({ filter }) => (filter === undefined ? [] : [['Cisco-Account-Info', `A${filter}`]]),
  pool: name => [['Cisco-AVPair', `ip:addr-pool=${name}`]],
  dns: ({ ipv4, ipv6 }) => [
    ...(ipv4.length === 0 ? [] : [['Cisco-AVPair', `ip:dns-servers=${ipv4.slice(0, 2).join(' ')}`] as const]),
    ...standard.dns({ ipv4: [], ipv6 })
  ]
}
