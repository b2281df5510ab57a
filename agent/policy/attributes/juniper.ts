import { standard } from './standard.js'
import { firstTwo, type Vocabulary } from './vocabulary.js'

/**
 * Juniper ERX and MX. Rates are policies that exist on the box: a profile `home-100` asks for `home-100-up` (ingress)
 * and `home-100-down` (egress), for IPv4 and IPv6. The walled garden is a dynamic service of the filter's name.
 */
export const juniper: Vocabulary = {
  ...standard,
  service: [
    ...standard.service,
    'ERX-Ingress-Policy-Name',
    'ERX-Egress-Policy-Name',
    'ERX-IPv6-Ingress-Policy-Name',
    'ERX-IPv6-Egress-Policy-Name',
    'ERX-Cos-Shaping-Rate',
    'ERX-Service-Activate'
  ],
  policy: name => [
    ['ERX-Ingress-Policy-Name', `${name}-up`],
    ['ERX-Egress-Policy-Name', `${name}-down`],
    ['ERX-IPv6-Ingress-Policy-Name', `${name}-up`],
    ['ERX-IPv6-Egress-Policy-Name', `${name}-down`]
  ],
  walled: ({ filter }) => (filter === undefined ? [] : [['ERX-Service-Activate:1', filter]]),
  pool: name => [['ERX-Address-Pool-Name', name]],
  ipv6Pool: name => [['ERX-IPv6-Delegated-Pool-Name', name]],
  dns: ({ ipv4, ipv6 }) => [
    ...firstTwo('ERX-Primary-Dns', 'ERX-Secondary-Dns', ipv4),
    ...firstTwo('ERX-Ipv6-Primary-Dns', 'ERX-Ipv6-Secondary-Dns', ipv6)
  ]
}
