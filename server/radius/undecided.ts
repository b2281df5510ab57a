import type { Profile, Subscriber } from '../../agent/model/index.js'
import type { Directory } from './methods/method.js'
import { type Handler, plain } from './request.js'

type Documents = Directory & { profile(id: string): Profile | undefined }

/**
 * The documents as access may use them: a decision that cuts somebody off and waits at the brake for a person has not
 * been made, so who dials again gets what they had.
 */
export function withoutHeld(documents: Documents, isHeld: (subscriber: string) => boolean): Documents {
  const asBefore = (found: Subscriber | undefined): Subscriber | undefined => {
    if (found === undefined || (found.status === 'active' && found.validUntil === undefined)) return found
    if (!isHeld(found.id)) return found
    const { suspension: _suspension, validUntil: _validUntil, ...rest } = found
    return { ...rest, status: 'active' }
  }
  return {
    subscriberByUserName: name => asBefore(documents.subscriberByUserName(name)),
    subscriberByMac: mac => asBefore(documents.subscriberByMac(mac)),
    profile: id => documents.profile(id)
  }
}

const UNINFORMED = plain('uninformed')

/** Silence while billing has not yet said who the subscribers are: nobody is refused for being unknown to an empty box. */
export function onceInformed(isInformed: () => boolean, handle: Handler): Handler {
  return request => (isInformed() ? handle(request) : UNINFORMED)
}
