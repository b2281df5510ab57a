import { Attr, decodeUserPassword } from '../../../protocols/radius/index.js'
import { type Method, wrong } from './method.js'
import { checkPassword } from './password.js'

/** PAP: User-Password, hidden with the shared secret; also for passwords that are kept as salted hashes. RFC 2865 §5.2 */
export const pap: Method = ({ packet, secret }, named) => {
  const hidden = packet.octets(Attr.UserPassword)
  if (hidden === undefined) return undefined
  const given = decodeUserPassword(hidden, packet.authenticator, secret)
  if (given === undefined) return wrong('MALFORMED_CREDENTIAL')
  return checkPassword(named, given)
}
