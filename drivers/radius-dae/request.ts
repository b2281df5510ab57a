import { DriverError, type AttributeValue, type SessionRef, type Treatment } from '../../agent/model/index.js'
import { type Dialect, keyValue } from './keys.js'

/** What the driver needs of the RADIUS dictionary. `encode` gives the whole attribute, vendor header included. */
export interface AttributeEncoder {
  /** @throws when the name is unknown or the value does not fit its type */
  encode(name: string, value: string | number): Buffer
}

/** Octets for keys or changes: half a packet each, less the header and what is added to every request. */
const ROOM = 2000

/** Attributes that matter only while a session is set up: a CoA leaves them out, the next authentication brings them. */
const setUp =
  /^(Framed-|Delegated-|Tunnel-|MS-|.*-Pool|.*-DNS|DNS-|.*-Primary-|.*-Secondary-)|^(Service-Type|User-Name|Class|State|Reply-Message|Port-Limit|Session-Timeout|Idle-Timeout|Acct-Interim-Interval|Termination-Action|Message-Authenticator|Event-Timestamp)$/i

/**
 * The keys that name a session to this make of NAS.
 * @throws DriverError `UNSUPPORTED` when the session lacks one that the box cannot do without
 */
export function sessionKeys(session: SessionRef, dialect: Dialect): readonly AttributeValue[] {
  const keys: AttributeValue[] = []
  for (const name of dialect.keys) {
    const value = keyValue(name, session)
    if (value !== undefined) keys.push({ name, value })
    else if (dialect.needs.includes(name)) {
      throw new DriverError(
        'UNSUPPORTED',
        `The NAS finds sessions by ${name}, and accounting of this session did not tell it.`
      )
    }
  }
  return keys
}

/**
 * The part of a treatment that CoA can bring to an open session.
 * Attributes of session set-up (addresses, pools, routes) are left to the next authentication.
 * @param changes  dictionary names that this box takes by CoA
 * @throws DriverError `UNSUPPORTED` before anything is sent: for `blocked`, which is a Disconnect; where an attribute
 *   in force cannot be changed; where nothing remains to be sent
 */
export function changeable(how: Treatment, changes: ReadonlySet<string>): readonly AttributeValue[] {
  if (how.kind === 'blocked')
    throw new DriverError('UNSUPPORTED', 'CoA cannot block a session: it must be disconnected.')
  const chosen = how.attributes.filter(({ name }) => changes.has(untagged(name)))
  const stuck = how.attributes.find(({ name }) => !changes.has(untagged(name)) && !setUp.test(untagged(name)))
  if (stuck !== undefined) {
    throw new DriverError('UNSUPPORTED', `This NAS does not change ${stuck.name} on an open session.`)
  }
  if (!chosen.some(({ name }) => !setUp.test(untagged(name)))) {
    throw new DriverError(
      'UNSUPPORTED',
      `Nothing of the treatment "${how.kind}" can be brought to an open session of this NAS by CoA.`
    )
  }
  return chosen
}

/**
 * Attributes one behind the other, as they go on the wire.
 * @throws DriverError `UNSUPPORTED` naming the attribute that the dictionary does not know or whose value does not fit
 */
export function encodeAll(attributes: readonly AttributeValue[], dictionary: AttributeEncoder): Buffer {
  const octets = Buffer.concat(attributes.map(attribute => encodeOne(attribute, dictionary)))
  if (octets.length > ROOM)
    throw new DriverError('UNSUPPORTED', `${octets.length} octets of attributes do not fit one packet.`)
  return octets
}

function encodeOne({ name, value }: AttributeValue, dictionary: AttributeEncoder): Buffer {
  try {
    return dictionary.encode(name, value)
  } catch (cause) {
    throw new DriverError(
      'UNSUPPORTED',
      `${name} cannot be encoded: it is not in the dictionary, or its value does not fit.`,
      { cause }
    )
  }
}

/** `ERX-Service-Activate:1` without its tag. */
function untagged(name: string): string {
  return name.replace(/:\d+$/, '')
}
