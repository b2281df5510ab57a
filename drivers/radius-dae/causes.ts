import { DriverError, type DriverErrorCode } from '../../agent/model/index.js'

/** One value of Error-Cause: its name, how the driver reports it, and what an engineer does about it. */
export interface ErrorCause {
  readonly words: string
  /** `done`: the NAS did what was asked although it says NAK. */
  readonly meaning: DriverErrorCode | 'done'
  readonly remedy: string
}

/** Error-Cause (attribute 101) in words. @see RFC 5176 §3.5, RFC 5580 §4.5, RFC 7930 §3 */
export const errorCauses: Readonly<Record<number, ErrorCause>> = {
  201: {
    words: 'Residual Session Context Removed',
    meaning: 'done',
    remedy: 'The session had already ended; the NAS removed what was left of it.'
  },
  202: {
    words: 'Invalid EAP Packet (Ignored)',
    meaning: 'PROTOCOL',
    remedy: 'Nothing of ours carries EAP here: check for a proxy that rewrites packets.'
  },
  401: {
    words: 'Unsupported Attribute',
    meaning: 'UNSUPPORTED',
    remedy: 'The NAS does not take one of the attributes by CoA: check the vendor set for this NAS.'
  },
  402: {
    words: 'Missing Attribute',
    meaning: 'REJECTED',
    remedy: 'The NAS wants another key to find the session: check the vendor set for this NAS.'
  },
  403: {
    words: 'NAS Identification Mismatch',
    meaning: 'REJECTED',
    remedy:
      'The request reached another box, or NAS-IP-Address differs from what the box calls itself: check coaAddress.'
  },
  404: {
    words: 'Invalid Request',
    meaning: 'REJECTED',
    remedy: 'Compare the clocks (the NAS may refuse our Event-Timestamp) and the vendor set for this NAS.'
  },
  405: {
    words: 'Unsupported Service',
    meaning: 'UNSUPPORTED',
    remedy: 'The NAS does not know the service named: define it on the box.'
  },
  406: {
    words: 'Unsupported Extension',
    meaning: 'UNSUPPORTED',
    remedy: 'Enable CoA and Disconnect (dynamic authorization) on the box.'
  },
  407: {
    words: 'Invalid Attribute Value',
    meaning: 'REJECTED',
    remedy: 'A value does not suit the box: check that the policy, filter or pool exists there by that name.'
  },
  501: {
    words: 'Administratively Prohibited',
    meaning: 'REJECTED',
    remedy: 'The box forbids it: allow our address as dynamic authorization client.'
  },
  502: {
    words: 'Request Not Routable (Proxy)',
    meaning: 'REJECTED',
    remedy: 'A proxy on the way has no route to the NAS: set coaAddress to the NAS itself, or repair the proxy.'
  },
  503: {
    words: 'Session Context Not Found',
    meaning: 'NO_SUCH_SESSION',
    remedy: 'The session has ended, or the keys in the request differ from what the box keeps.'
  },
  504: {
    words: 'Session Context Not Removable',
    meaning: 'REJECTED',
    remedy: 'The box cannot end this session by RADIUS: end it on the box, or by its own API.'
  },
  505: {
    words: 'Other Proxy Processing Error',
    meaning: 'REJECTED',
    remedy: 'A proxy on the way failed: its log tells why.'
  },
  506: {
    words: 'Resources Unavailable',
    meaning: 'REJECTED',
    remedy: 'The box is short of memory or time: check its load.'
  },
  507: {
    words: 'Request Initiated',
    meaning: 'done',
    remedy: 'The NAS is asking for authorization again; the answer follows with its Access-Request.'
  },
  508: {
    words: 'Multiple Session Selection Unsupported',
    meaning: 'UNSUPPORTED',
    remedy: 'The keys match several sessions: the box needs Acct-Session-Id.'
  },
  509: {
    words: 'Location-Info-Required',
    meaning: 'REJECTED',
    remedy: 'The box wants location attributes that are not used here: turn that demand off.'
  },
  601: { words: 'Response Too Big', meaning: 'PROTOCOL', remedy: 'A proxy on the way could not carry the answer.' }
}

/**
 * What a NAK means.
 * @param what   the request in words, for the sentence: `Disconnect-Request`
 * @param cause  Error-Cause of the NAK; undefined when the NAS gave none, as many do
 * @returns `done` where the NAS says that it is as asked, else the error to throw, with the NAS's own number
 */
export function readNak(what: string, cause: number | undefined): 'done' | DriverError {
  if (cause === undefined) {
    return new DriverError('REJECTED', `${what} refused without an Error-Cause. The log of the NAS may tell why.`)
  }
  const known = errorCauses[cause]
  if (known === undefined) {
    return new DriverError('REJECTED', `${what} refused with Error-Cause ${cause}, which no RFC defines.`, {
      deviceCode: cause
    })
  }
  if (known.meaning === 'done') return 'done'
  return new DriverError(known.meaning, `${what} refused: ${cause} ${known.words}. ${known.remedy}`, {
    deviceCode: cause
  })
}
