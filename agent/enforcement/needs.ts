import type {
  Command,
  CommandOutcome,
  DocumentKind,
  Grant,
  Granted,
  Milliseconds,
  Nas,
  Profile,
  Refusal,
  Session,
  Subscriber,
  Treatment,
  TreatmentKind,
  Vendor
} from '../model/index.js'
import type { Cause } from '../model/index.js'
import type { Desired, PolicySettings } from '../policy/index.js'

/*
 * What enforcement needs of the modules below it. The real classes fit; tests bring small ones of their own.
 */

/** Somebody to hear events from. */
interface Events<Map extends Record<keyof Map, readonly unknown[]>> {
  on<Name extends keyof Map & string>(event: Name, listener: (...values: Map[Name]) => void): unknown
  off<Name extends keyof Map & string>(event: Name, listener: (...values: Map[Name]) => void): unknown
}

/** A document that billing changed; undefined: removed. */
interface DocumentChange {
  readonly kind: DocumentKind
  readonly id: string
  readonly document: unknown
}

/** The replica of subscribers and profiles. */
export interface ReplicaView {
  on(event: 'changed', listener: (changes: readonly DocumentChange[]) => void): unknown
  off(event: 'changed', listener: (changes: readonly DocumentChange[]) => void): unknown
  subscriber(id: string): Subscriber | undefined
  profile(id: string): Profile | undefined
  subscribers(): Iterable<Subscriber>
  counts(): Readonly<Record<DocumentKind, number>>
}

/** The live session table. */
export interface SessionsView
  extends Events<{ opened: [Session]; closed: [Session, Cause]; granted: [Grant]; refused: [Refusal] }> {
  get(id: string): Session | undefined
  /** The Access-Accept that a session came from, while it is remembered. */
  grantOf(session: Session): Granted | undefined
  /** Open and stale ones. */
  ofSubscriber(subscriber: string): readonly Session[]
  list(wanted?: (session: Session) => boolean): Iterable<Session>
}

/** Orders from billing. */
export interface CommandsView extends Events<{ requested: [Command] }> {
  pending(): readonly Command[]
  complete(id: string, outcome: CommandOutcome, words: string): Promise<unknown>
}

/** The NASes by id. */
export interface NasesView {
  byId(id: string): Nas | undefined
}

/** What policy says about a subscriber. Pure. */
export interface PolicyView {
  desired(subscriber: Subscriber, profile: Profile | undefined, now: Milliseconds): Desired
  render(
    subscriber: Subscriber,
    profile: Profile | undefined,
    kind: TreatmentKind,
    reason: string,
    vendor: Vendor,
    settings: PolicySettings
  ): Treatment
}
