import type { Subscriber } from '../../../agent/model/index.js'
import { macOf } from '../../../agent/policy/index.js'
import { Attr, decodeUserPassword, ServiceType, verifyChap } from '../../../protocols/radius/index.js'
import type { AccessRequest } from '../access-request.js'
import type { Directory, Method } from './method.js'

/**
 * MAC authentication: the NAS logs a device on by its address. User-Name or Calling-Station-Id holds it, in any
 * notation; the password is the address or the user name again, nothing (RouterOS' DHCP server), or not there at all in
 * a Call-Check. It lets on only whom billing gave that address as a credential, and nobody whose user name has a password.
 * @see RFC 2865 §5.6 (Call-Check), RFC 3580 §3.21
 */
export const mac: Method = (request, named, directory) => {
  if (named?.credentials?.password !== undefined || named?.credentials?.ntHash !== undefined) return undefined
  const address = macOf(request.userName) ?? macOf(request.callingStation)
  if (address === undefined) return undefined
  const subscriber = ownerOf(address, named, directory)
  if (subscriber === undefined || !saysNoMore(request, address)) return undefined
  return { verdict: 'right', subscriber }
}

function ownerOf(address: string, named: Subscriber | undefined, directory: Directory): Subscriber | undefined {
  const owner = directory.subscriberByMac(address)
  if (owner?.credentials?.macs?.includes(address) !== true) return undefined
  return named === undefined || named.id === owner.id ? owner : undefined
}

// The password adds nothing to the address: a device that was given a real one is not let on without it.
function saysNoMore({ packet, secret, userName }: AccessRequest, address: string): boolean {
  const hidden = packet.octets(Attr.UserPassword)
  if (hidden !== undefined) {
    const password = decodeUserPassword(hidden, packet.authenticator, secret)?.toString()
    return password !== undefined && (password === '' || password === userName || macOf(password) === address)
  }
  if (packet.has(Attr.ChapPassword)) return verifyChap(packet, userName)
  return !packet.has(Attr.EapMessage) && packet.uint32(Attr.ServiceType) === ServiceType.CallCheck
}
