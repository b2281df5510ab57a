import { firstTwo, type Vocabulary } from './vocabulary.js'

/**
 * Any NAS, by RFC attributes. There is none for a rate, and a walled garden needs a filter or a pool on the box.
 * All other tables begin with this one.
 * @see RFC 2865 §5, RFC 2548 §2.7 (name servers), RFC 2869 §5.16–5.18, RFC 3162, RFC 4818, RFC 6911
 */
export const standard: Vocabulary = {
  service: ['Filter-Id', 'NAS-Filter-Rule', 'WISPr-Bandwidth-Max-Up', 'WISPr-Bandwidth-Max-Down'],
  walled: ({ filter }) => (filter === undefined ? [] : [['Filter-Id', filter]]),
  filter: name => [['Filter-Id', name]],
  pool: name => [['Framed-Pool', name]],
  address: ipv4 => [['Framed-IP-Address', ipv4]],
  ipv6Prefix: prefix => [['Framed-IPv6-Prefix', prefix]],
  delegatedPrefix: prefix => [['Delegated-IPv6-Prefix', prefix]],
  ipv6Pool: name => [['Delegated-IPv6-Prefix-Pool', name]],
  route: route =>
    route.includes(':') ? [['Framed-IPv6-Route', via(route, '::')]] : [['Framed-Route', via(route, '0.0.0.0')]],
  dns: ({ ipv4, ipv6 }) => [
    ...firstTwo('MS-Primary-DNS-Server', 'MS-Secondary-DNS-Server', ipv4),
    ...firstTwo('DNS-Server-IPv6-Address', 'DNS-Server-IPv6-Address', ipv6)
  ],
  sessionTimeout: seconds => [['Session-Timeout', seconds]],
  idleTimeout: seconds => [['Idle-Timeout', seconds]],
  interimInterval: seconds => [['Acct-Interim-Interval', seconds]]
}

// RFC 2865 §5.22: prefix, gateway, metrics; the gateway of all zeros is the subscriber
function via(route: string, subscriber: string): string {
  return route.trim().includes(' ') ? route.trim() : `${route.trim()} ${subscriber} 1`
}
