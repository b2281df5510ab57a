import { createHash } from 'node:crypto'
import { AttributeWriter, Attr, encodeUserPassword, type Secret, ServiceType } from '../protocols/radius/index.js'

/** Who asks for access, and how the password travels. */
export interface Credential {
  readonly username: string
  readonly password: string
  readonly method: 'pap' | 'chap'
  /** '' leaves the attribute out. */
  readonly callingStation: string
}

/** NAS-Port-Type Virtual: no port of a box is meant. RFC 2865 §5.41. */
const VIRTUAL = 5

/** Attributes of an Access-Request for a network session. RFC 2865 §4.1. */
export function accessAttributes(credential: Credential, authenticator: Buffer, secret: Secret): Buffer {
  const { username, password, method, callingStation } = credential
  const to = new AttributeWriter().add(Attr.UserName, username)
  if (method === 'pap') to.add(Attr.UserPassword, encodeUserPassword(password, authenticator, secret))
  else to.add(Attr.ChapPassword, chapResponse(password, authenticator))
  if (callingStation !== '') to.add(Attr.CallingStationId, callingStation)
  return to
    .add(Attr.NasIdentifier, 'turnpike-radtest')
    .uint32(Attr.NasPortType, VIRTUAL)
    .uint32(Attr.ServiceType, ServiceType.Framed)
    .finish()
}

/** CHAP-Password whose challenge is the Request Authenticator. RFC 2865 §2.2 and §5.3, RFC 1994 §4.1. */
function chapResponse(password: string, challenge: Buffer): Buffer {
  const identifier = Buffer.of(1)
  const digest = createHash('md5').update(identifier).update(password).update(challenge).digest()
  return Buffer.concat([identifier, digest])
}
