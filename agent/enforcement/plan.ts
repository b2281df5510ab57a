import type {
  AttributeValue,
  Profile,
  RateLimit,
  Session,
  Subscriber,
  Treatment,
  TreatmentKind,
  Vendor
} from '../model/index.js'

/** What a session has now, as far as we know. */
export interface AppliedTreatment {
  readonly kind: TreatmentKind
  /** The attributes in force; see `inForce`. */
  readonly attributes: readonly AttributeValue[]
  /** True from the request on until something proves it: a newer decision, or a restart, says everything again. */
  readonly uncertain?: boolean
  /** While uncertain: what it had before, and may still have. */
  readonly was?: TreatmentKind
  /** While uncertain: it may also have another variety of the same kind, so that a reading of the kind proves nothing. */
  readonly varied?: boolean
  /** What it follows from, where it follows from nothing else: while that is in force it is right. */
  readonly from?: { readonly subscriber: Subscriber; readonly profile: Profile | undefined; readonly vendor: Vendor }
}

/** From worse to better, `looser` is a restore; `sideways` keeps the kind: another rate. */
export type Difference = 'tighter' | 'looser' | 'sideways'

/** What is to be done with one session. */
export interface Step {
  readonly difference: Difference
  /** What the session is to have; `attributes` are only those that must change. */
  readonly how: Treatment
  /** All of them: what the session has when it is done. */
  readonly whole: readonly AttributeValue[]
  /** Whether CoA can say it: it can replace what is in force, not take away, and not move an address. */
  readonly sayable: boolean
}

/**
 * Something that is not as it should be, and what to do about it: a session; what stands at a device and is to be undone
 * (`device`); the rate that a device holds a line to (`device` and `rate`, null: none any more); or, with none of them,
 * the line of somebody whom no re-authentication would refuse.
 */
export interface Need {
  readonly session?: Session
  readonly device?: string
  readonly rate?: RateLimit | null
  readonly step: Step
  readonly before: AppliedTreatment
}

/** What tells the needs of one order apart. */
export function keyOfNeed({ session, device, rate }: Need): string {
  if (session !== undefined) return session.id
  if (rate !== undefined) return `rate ${device}`
  return device === undefined ? 'line' : `device ${device}`
}

const order: readonly TreatmentKind[] = ['full', 'throttled', 'walled', 'blocked']

/** Bound to a session's set-up: they change with the next authentication, never on an open session. */
const address = /^(Framed-(IP|Pool|Route|IPv6)|Delegated-IPv6|.*(-Pool|-Pool-Name|:addr-pool)$)/

/** Say nothing about what the subscriber gets. */
const idle =
  /^(User-Name|Class|State|Reply-Message|Service-Type|Framed-(Protocol|MTU|Compression|Interface-Id)|Acct-Interim-Interval|Session-Timeout|Idle-Timeout|Termination-Action|Port-Limit|Tunnel-.*|MS-.*|.*[-:](DNS|Dns|dns)-?.*)$/

/** The part of an Access-Accept that makes the treatment: rates, filters, lists, services, and what the address is. */
export function inForce(attributes: readonly AttributeValue[]): readonly AttributeValue[] {
  return attributes.filter(attribute => isAddress(attribute) || !idle.test(key(attribute)))
}

/** Whether the first treatment gives less than the second. */
export function isTighter(kind: TreatmentKind, than: TreatmentKind): boolean {
  return order.indexOf(kind) > order.indexOf(than)
}

/** Whether a treatment takes the service away: what the brake counts. */
export function cutsOff(kind: TreatmentKind): boolean {
  return kind === 'walled' || kind === 'blocked'
}

/**
 * Compares what a session has with what it should have.
 * @returns undefined when nothing needs doing. Another address alone is nothing: it comes with the next authentication.
 *   Nor is a session of which we know that it was cut, and whose Stop never came: it holds nobody back.
 */
export function compare(applied: AppliedTreatment, want: Treatment): Step | undefined {
  if (applied.kind === 'blocked' && applied.uncertain !== true) return undefined
  const whole = inForce(want.attributes)
  const had = applied.uncertain === true && applied.kind === want.kind ? (applied.was ?? applied.kind) : applied.kind
  const difference = differs(had, want.kind)
  const missing =
    applied.uncertain === true ? whole : whole.filter(wanted => !applied.attributes.some(had => isSame(had, wanted)))
  const changed = missing.filter(attribute => !isAddress(attribute))
  const gone = applied.attributes.filter(had => !isAddress(had) && !whole.some(wanted => key(wanted) === key(had)))
  if (difference === 'sideways' && changed.length === 0 && gone.length === 0) return undefined
  const moves = difference !== 'sideways' && addresses(applied.attributes) !== addresses(whole)
  const sayable = want.kind !== 'blocked' && changed.length > 0 && gone.length === 0 && !moves
  return { difference, how: { ...want, attributes: changed }, whole, sayable }
}

/** Whether the session may have another variety of what the step brings: another rate under the same kind. */
export function isVaried({ how, whole }: Step, before: AppliedTreatment): boolean {
  if (before.kind !== how.kind) return false
  return before.varied === true || JSON.stringify(before.attributes) !== JSON.stringify(whole)
}

function differs(from: TreatmentKind, to: TreatmentKind): Difference {
  if (from === to) return 'sideways'
  return isTighter(to, from) ? 'tighter' : 'looser'
}

function isSame(a: AttributeValue, b: AttributeValue): boolean {
  return a.name === b.name && a.value === b.value
}

function isAddress(attribute: AttributeValue): boolean {
  return address.test(key(attribute))
}

/** What a CoA replaces: an attribute by name, and of an AVPair (`ip:sub-qos-policy-in=GOLD`) what stands before the `=`. */
function key({ name, value }: AttributeValue): string {
  if (!name.endsWith('AVPair')) return name
  const [what = ''] = String(value).split('=')
  return `${name} ${what}`
}

function addresses(attributes: readonly AttributeValue[]): string {
  return attributes
    .filter(isAddress)
    .map(({ name, value }) => `${name}=${value}`)
    .sort()
    .join('\n')
}
