import { EventEmitter } from 'node:events'
import type {
  Cause,
  Command,
  DocumentKind,
  Grant,
  Profile,
  Refusal,
  Session,
  Subscriber
} from '../../../agent/model/index.js'

/** The replica, as far as enforcement sees it. */
export class Replica extends EventEmitter<{
  changed: [readonly { kind: DocumentKind; id: string; document: unknown }[]]
}> {
  readonly people = new Map<string, Subscriber>()
  readonly profiles = new Map<string, Profile>()
  readonly subscriber = (id: string): Subscriber | undefined => this.people.get(id)
  readonly profile = (id: string): Profile | undefined => this.profiles.get(id)
  readonly subscribers = (): Iterable<Subscriber> => this.people.values()
  readonly counts = (): Record<DocumentKind, number> => ({
    subscriber: this.people.size,
    profile: this.profiles.size,
    nas: 1,
    device: 0
  })

  put(...people: Subscriber[]): void {
    for (const one of people) this.people.set(one.id, one)
    this.emit(
      'changed',
      people.map(document => ({ kind: 'subscriber', id: document.id, document }))
    )
  }

  remove(id: string): void {
    this.people.delete(id)
    this.emit('changed', [{ kind: 'subscriber', id, document: undefined }])
  }

  putProfile(profile: Profile): void {
    this.profiles.set(profile.id, profile)
    this.emit('changed', [{ kind: 'profile', id: profile.id, document: profile }])
  }
}

/** The session table, as far as enforcement sees it. */
export class Sessions extends EventEmitter<{
  opened: [Session]
  closed: [Session, Cause]
  granted: [Grant]
  refused: [Refusal]
}> {
  readonly all = new Map<string, Session>()
  readonly grants = new Map<string, Grant>()
  readonly get = (id: string): Session | undefined => this.all.get(id)
  readonly grantOf = ({ ticket }: Session): Grant | undefined => this.grants.get(ticket)
  readonly list = (wanted: (session: Session) => boolean = () => true): Iterable<Session> =>
    [...this.all.values()].filter(wanted)
  readonly ofSubscriber = (subscriber: string): readonly Session[] =>
    [...this.all.values()].filter(session => session.subscriber === subscriber && session.state !== 'closed')
}

/** Billing's commands, as far as enforcement sees them. */
export class Commands extends EventEmitter<{ requested: [Command] }> {
  readonly waiting: Command[] = []
  readonly completed: { id: string; outcome: string; words: string }[] = []
  readonly pending = (): readonly Command[] => this.waiting

  readonly complete = async (id: string, outcome: string, words: string): Promise<void> => {
    this.completed.push({ id, outcome, words })
  }
}

/** A session that has just begun. */
export function newSession(
  id: string,
  who: Pick<Session, 'subscriber' | 'userName' | 'nas' | 'callingStation' | 'ticket'>,
  at: number
): Session {
  return {
    id,
    ...who,
    acctSessionId: id,
    multiSessionId: '',
    nasPort: '',
    profile: 'home',
    framedIpv4: '',
    framedIpv6Prefix: '',
    delegatedPrefix: '',
    nasIpv4: '',
    state: 'open',
    startedAt: at,
    lastAt: at,
    seenAt: at,
    closedAt: 0,
    closedBy: '',
    terminateCause: 0,
    seconds: 0,
    segmentUp: 0n,
    segmentDown: 0n,
    segmentUpPackets: 0,
    segmentDownPackets: 0,
    earlierUp: 0n,
    earlierDown: 0n,
    duplicates: 0,
    late: 0,
    resets: 0
  }
}
