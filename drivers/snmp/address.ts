import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { DriverError } from '../../agent/model/index.js'

const forbidden = new BlockList()
forbidden.addSubnet('127.0.0.0', 8)
forbidden.addSubnet('169.254.0.0', 16)
forbidden.addSubnet('0.0.0.0', 8)
forbidden.addSubnet('224.0.0.0', 4)
forbidden.addAddress('255.255.255.255')
forbidden.addAddress('100.100.100.200')
forbidden.addAddress('::', 'ipv6')
forbidden.addAddress('::1', 'ipv6')
forbidden.addSubnet('fe80::', 10, 'ipv6')
forbidden.addSubnet('ff00::', 8, 'ipv6')
forbidden.addAddress('fd00:ec2::254', 'ipv6')

/** A literal address and the kind of socket that reaches it. */
export interface Place {
  readonly address: string
  readonly family: 'udp4' | 'udp6'
}

/**
 * Where a device is: a literal address, checked, so that what was checked is what is spoken to.
 * @throws DriverError `UNREACHABLE` for a name that the DNS does not know; `UNSUPPORTED` for the box itself, its links,
 *   groups and the metadata services of clouds, unless `allowLocal`
 */
export async function placeOf(host: string, allowLocal: boolean): Promise<Place> {
  const address = isIP(host) === 0 ? await resolved(host) : host
  const plain = /^::ffff:([\d.]+)$/i.exec(address)?.[1] ?? address
  const six = isIP(plain) === 6
  if (!allowLocal && forbidden.check(plain, six ? 'ipv6' : 'ipv4')) {
    throw new DriverError(
      'UNSUPPORTED',
      `${plain} is the gateway itself, a link, a group or a metadata service: no device is driven there. If it is meant, set the option allowLocal.`
    )
  }
  return { address: plain, family: six ? 'udp6' : 'udp4' }
}

async function resolved(host: string): Promise<string> {
  try {
    return (await lookup(host)).address
  } catch (cause) {
    throw new DriverError('UNREACHABLE', `The name ${host} is not in the DNS.`, { cause })
  }
}
