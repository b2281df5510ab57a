import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { DriverError } from '../../agent/model/index.js'
import { refuseLocal } from '../target.js'

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
  refuseLocal(plain, allowLocal)
  return { address: plain, family: six ? 'udp6' : 'udp4' }
}

async function resolved(host: string): Promise<string> {
  try {
    return (await lookup(host)).address
  } catch (cause) {
    throw new DriverError('UNREACHABLE', `The name ${host} is not in the DNS.`, { cause })
  }
}
