import type { EvidenceCheck, EvidenceEntry } from '../../agent/enforcement/index.js'
import type {
  Applied,
  EnforcementNotice,
  Milliseconds,
  Profile,
  Session,
  SessionState,
  Subscriber,
  Suspension,
  TemplateSummary,
  TreatmentKind
} from '../../agent/model/index.js'
import type { DeviceStatus } from '../../agent/poller/index.js'
import type { ProvisionOrder } from '../../agent/provisioning/index.js'

/*
 * What the local API needs to know of the agent, and nothing else. The wiring implements it from the real parts;
 * tests bring their own. Unknown ids give undefined; ApiError says anything else that cannot be done.
 */

/** One UDP listener as it was bound. */
export interface ListenerStatus {
  readonly purpose: 'authentication' | 'accounting'
  readonly address: string
  readonly port: number
  /** Octets of receive buffer that the system gave; 0 when it is not known. */
  readonly receiveBuffer: number
}

/** The agent at a glance. */
export interface AgentStatus {
  readonly version: string
  readonly startedAt: Milliseconds
  /** Sentences about what a person should look at; empty when all is well. */
  readonly attention: readonly string[]
  readonly listeners: readonly ListenerStatus[]
  readonly documents: {
    readonly subscribers: number
    readonly profiles: number
    readonly nases: number
    readonly devices: number
  }
  readonly sessions: { readonly open: number; readonly stale: number }
  /** Devices that are polled, by state. */
  readonly devices: Readonly<Record<DeviceStatus['state'], number>>
  readonly ledger: {
    readonly epoch: string
    /** The last sequence that is synced. */
    readonly durableHead: number
    readonly diskOctets: number
    readonly diskBudget: number
  }
  readonly uplink: {
    readonly state: 'off' | 'connecting' | 'connected' | 'retrying' | 'refused'
    /** Records that billing does not have yet. */
    readonly backlog: number
    readonly backlogAgeMs: Milliseconds
    /** Records a second that billing took over the last minute. */
    readonly perSecond: number
    /** Until the backlog is gone at that pace; absent when it does not shrink. */
    readonly drainSeconds?: number
    readonly quarantined: number
    readonly lastError?: string
  }
  /** Kinds of rejects within the last hour. */
  readonly rejections: { readonly lastHour: number }
  readonly enforcement: {
    /** Sessions that are not yet as billing wants them. */
    readonly pending: number
    /** Blocks that wait for a person to release the brake. */
    readonly held: number
    readonly failed: number
  }
}

export interface SessionQuery {
  readonly subscriber?: string
  readonly nas?: string
  readonly state?: SessionState
  readonly limit: number
  /** From the page before. */
  readonly cursor?: string
}

/** Part of a list; `cursor` asks for the next part and is absent on the last. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly cursor?: string
}

/** One packet of a session, what it added, and why. */
export interface SessionStep {
  readonly at: Milliseconds
  /** A Cause of the usage record, or `duplicate` or `late` where none was made. */
  readonly cause: string
  /** Ledger sequence of the record; 0 where none was made. */
  readonly sequence: number
  readonly seconds: number
  /** Octets that this step added. */
  readonly upOctets: bigint
  readonly downOctets: bigint
  /** The session's totals after it; what the packet told, where it added nothing. */
  readonly totalUpOctets: bigint
  readonly totalDownOctets: bigint
  /** A sentence for a person. */
  readonly words: string
}

/** How a session came to its octets. */
export interface SessionStory {
  readonly session: Session
  readonly steps: readonly SessionStep[]
}

/** A subscriber, what the network should do with them, and what it does. */
export interface SubscriberView {
  /** Credentials are taken off before it is shown. */
  readonly subscriber: Subscriber
  readonly profile?: Profile
  readonly wanted: { readonly kind: TreatmentKind; readonly reason: string }
  readonly sessions: readonly Session[]
  /** The last time that access was refused, in words. */
  readonly lastRefusal?: {
    readonly at: Milliseconds
    readonly nas: string
    readonly code: string
    readonly words: string
  }
}

/** What a subscriber used since a time, by the ledger. */
export interface UsageView {
  readonly subscriber: string
  readonly username: string
  readonly since: Milliseconds
  readonly upOctets: bigint
  readonly downOctets: bigint
  readonly sessions: readonly Session[]
}

/** What a local decision set in motion. */
export interface DecisionView {
  readonly subscriber: string
  readonly status: Subscriber['status']
  /** Sessions that must change for it. */
  readonly sessions: number
}

/** Rejects of one kind: the same who, where and why. */
export interface RejectionView {
  readonly subscriber: string
  readonly userName: string
  readonly nas: string
  readonly callingStation: string
  readonly code: string
  /** A sentence for a technician. */
  readonly words: string
  readonly at: Milliseconds
  readonly lastAt: Milliseconds
  readonly count: number
}

/** An event that billing refused. */
export interface QuarantinedView {
  readonly sequence: number
  readonly type: string
  readonly subject: string
  readonly at: Milliseconds
  readonly reason: string
}

/** One figure for Prometheus. Names are snake case and begin with `turnpike_`; counters end with `_total`. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[]
}

/** Part of the evidence log. `subscriber` by id, else by User-Name; also one whom billing has removed. */
export interface EvidenceQuery {
  readonly subscriber?: string
  readonly after: number
  readonly limit: number
}

export interface AgentView {
  status(): AgentStatus | Promise<AgentStatus>
  sessions(query: SessionQuery): Page<Session>
  why(session: string): Promise<SessionStory | undefined>
  /** By id, else by User-Name. */
  subscriber(idOrUserName: string): SubscriberView | undefined
  usage(idOrUserName: string, since: Milliseconds): Promise<UsageView | undefined>
  /** Holds until billing sends its next document. Resolves once it is durable. */
  suspend(idOrUserName: string, suspension: Suspension): Promise<DecisionView | undefined>
  restore(idOrUserName: string, reason: string): Promise<DecisionView | undefined>
  /** Forgets the MAC addresses to which logins have bound a subscriber. @returns how many */
  resetMacs(idOrUserName: string): Promise<number | undefined>
  /** Newest first. */
  enforcements(query: { readonly subscriber?: string; readonly limit: number }): readonly EnforcementNotice[]
  /** Entries of the evidence log with a higher sequence than `after`, oldest first. */
  evidence(query: EvidenceQuery): Promise<readonly EvidenceEntry[]>
  /** Recomputes the chain of the whole evidence log. */
  checkEvidence(): Promise<EvidenceCheck>
  /** @returns how many held blocks go out now */
  releaseBrake(): Promise<number>
  /** Who was not let on since the agent started, the last first. */
  rejections(limit: number): readonly RejectionView[]
  quarantine(): readonly QuarantinedView[] | Promise<readonly QuarantinedView[]>
  /** Sends quarantined events again; all when no sequence is named. @returns how many */
  resend(sequences: readonly number[] | undefined): Promise<number>
  /**
   * Copies the ledger while it is in use.
   * @param directory absolute; absent or empty
   * @returns the last sequence in the copy
   * @throws ApiError `API_CONFLICT` when something is in the directory, `API_UNAVAILABLE`
   */
  backup(directory: string): Promise<number>
  templates(): readonly TemplateSummary[]
  /**
   * Brings a template onto a device.
   * @throws ApiError `API_PROVISIONING` when nothing was sent, `API_DEVICE` with what was taken back
   */
  provision(order: ProvisionOrder): Promise<Applied>
  /** Every device that is polled, those that are not up first. */
  devices(): readonly DeviceStatus[]
  metrics(): readonly Metric[]
}
