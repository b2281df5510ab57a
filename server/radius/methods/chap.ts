import { Attr, verifyChap } from '../../../protocols/radius/index.js'
import { type Method, wrong } from './method.js'
import { judge } from './password.js'

const SIZE = 17 // CHAP identifier and MD5 response

/** CHAP: the password must be known in clear text. RFC 2865 §2.2, §5.3 */
export const chap: Method = ({ packet }, named) => {
  const response = packet.octets(Attr.ChapPassword)
  if (response === undefined) return undefined
  if (response.length !== SIZE) return wrong('MALFORMED_CREDENTIAL')
  return judge(named, password => verifyChap(packet, password))
}
