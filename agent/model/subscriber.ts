import type { EapMethodName, Profile, Subscriber } from './documents.js'
import type { SessionRef, SubscriberRef } from './driver.js'
import type { Session } from './session.js'

/** Whether RADIUS can let them on: they have something to prove themselves with. Else their line is open unless a device shuts it. */
export function logsIn({
  credentials: { password, ntHash, macs = [] } = {}
}: Pick<Subscriber, 'credentials'>): boolean {
  return password !== undefined || ntHash !== undefined || macs.length > 0
}

/** The EAP methods that they may use, by their own document before that of their profile; undefined: those of all. */
export function eapMethodsOf(
  subscriber: Pick<Subscriber, 'eapMethods'>,
  profile: Pick<Profile, 'eapMethods'> | undefined
): readonly EapMethodName[] | undefined {
  return subscriber.eapMethods ?? profile?.eapMethods
}

/** The addresses and prefixes that a document gives for good. */
export function addressesOf(subscriber: Pick<Subscriber, 'addresses'> | undefined): readonly string[] {
  const { ipv4, ipv6Prefix, delegatedPrefix } = subscriber?.addresses ?? {}
  return [ipv4, ipv6Prefix, delegatedPrefix].filter(address => address !== undefined)
}

/** Their ports on a device, as it calls them. */
export function portsOn(device: string, subscriber: Pick<Subscriber, 'devices'> | undefined): readonly string[] {
  return (subscriber?.devices ?? []).filter(one => one.device === device).map(({ port }) => port)
}

/** A session in a driver's terms. */
export function sessionRef(session: Session): SessionRef {
  const port = Number(session.nasPort)
  const prefixes = [session.framedIpv6Prefix, session.delegatedPrefix].filter(prefix => prefix !== '')
  return {
    id: session.id,
    nas: session.nas,
    acctSessionId: session.acctSessionId,
    userName: session.userName,
    ...(session.framedIpv4 && { framedIpv4: session.framedIpv4 }),
    ...(prefixes.length > 0 && { prefixes }),
    ...(session.callingStation && { callingStation: session.callingStation }),
    ...(session.nasIpv4 && { nasIpv4: session.nasIpv4 }),
    ...(session.nasPort !== '' && Number.isInteger(port) && { nasPort: port })
  }
}

/**
 * A subscriber in a driver's terms: what their document says, where there is one, and how they are known at one device.
 * @param held  the address that a session of theirs has, before that of the document; '' where none is known
 */
export function subscriberRef(
  subscriber: Subscriber | undefined,
  known: Pick<SubscriberRef, 'id' | 'userName' | 'sessions' | 'full'> & { readonly ports: readonly string[] },
  held = ''
): SubscriberRef {
  const { ports, ...rest } = known
  const fixed = addressesOf(subscriber)
  const ipv4 = held || fixed.find(text => !text.includes(':'))
  const prefixes = fixed.filter(text => text.includes(':'))
  return {
    ...rest,
    macs: subscriber?.credentials?.macs ?? subscriber?.bind?.macs ?? [],
    ...(ipv4 && { ipv4 }),
    ...(prefixes.length > 0 && { prefixes }),
    ...(ports.length > 0 && { ports })
  }
}
