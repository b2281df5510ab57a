import type { EvidenceCheck, EvidenceEntry } from '../../../agent/enforcement/index.js'
import type { DeviceStatus } from '../../../agent/poller/index.js'
import type { EnforcementNotice, Session, Subscriber, Suspension } from '../../../agent/model/index.js'
import type { ProvisionOrder } from '../../../agent/provisioning/index.js'
import {
  ApiError,
  type AgentStatus,
  type AgentView,
  type EvidenceQuery,
  type SessionQuery
} from '../../../server/http/index.js'

/** Noon of a day; everything in the view happened around it. */
export const noon = Date.parse('2026-11-23T12:00:00.000Z')

export function aSession(change: Partial<Session> = {}): Session {
  return {
    id: 'ses-1',
    nas: 'bras-1',
    acctSessionId: '81000001',
    multiSessionId: '',
    userName: 'alice',
    nasPort: '15',
    ticket: '',
    subscriber: 'sub_1001',
    profile: 'home-100',
    framedIpv4: '100.64.0.10',
    framedIpv6Prefix: '',
    delegatedPrefix: '2001:db8:1::/56',
    callingStation: '02:00:00:00:00:01',
    nasIpv4: '192.0.2.10',
    state: 'open',
    startedAt: noon - 3_600_000,
    lastAt: noon - 60_000,
    seenAt: noon - 60_000,
    closedAt: 0,
    closedBy: '',
    terminateCause: 0,
    seconds: 3540,
    segmentUp: 1_200_345n,
    segmentDown: 98_000_123n,
    segmentUpPackets: 0,
    segmentDownPackets: 0,
    earlierUp: 0n,
    // More than a JSON number holds exactly: 2^53 + 1 in all.
    earlierDown: 9_007_199_254_740_993n - 98_000_123n,
    duplicates: 1,
    late: 0,
    resets: 0,
    ...change
  }
}

const healthy: AgentStatus = {
  version: '0.1.0',
  startedAt: noon - 86_400_000,
  attention: [],
  listeners: [{ purpose: 'authentication', address: '127.0.0.1', port: 1812, receiveBuffer: 425_984 }],
  documents: { subscribers: 2, profiles: 1, nases: 1, devices: 0 },
  sessions: { open: 1, stale: 0 },
  devices: { up: 1, down: 0, flapping: 0, unknown: 0 },
  ledger: { epoch: '01JD', durableHead: 4711, diskOctets: 5_000_000, diskBudget: 20 * 2 ** 30 },
  uplink: { state: 'connected', backlog: 0, backlogAgeMs: 0, perSecond: 0, quarantined: 1 },
  rejections: { lastHour: 1 },
  enforcement: { pending: 0, held: 0, failed: 0 }
}

export const aNotice: EnforcementNotice = {
  subject: 'sub_1001',
  enforcement: 'enf-1',
  state: 'proven',
  want: 'walled',
  username: 'alice',
  session: 'ses-1',
  nas: 'bras-1',
  way: 'disconnect',
  proof: 'stop',
  detail: 'the NAS sent a Stop',
  requestedAt: noon - 5000,
  afterMs: 420
}

export const aDevice: DeviceStatus = {
  device: 'sw-1',
  driver: 'snmp',
  state: 'down',
  detail: 'Nothing answers.',
  at: noon,
  took: 6000,
  counted: 1,
  unclaimed: { count: 2, first: ['ge-0', 'ge-1'] },
  problems: ['ge-9: the device counts no port of that name.']
}

/** An agent without an agent: two subscribers, three sessions; decisions are remembered in `said`. */
export class FakeView implements AgentView {
  readonly said: unknown[] = []
  state: AgentStatus = healthy
  readonly subscribers: Subscriber[] = [
    {
      id: 'sub_1001',
      username: 'alice',
      status: 'active',
      profile: 'home-100',
      credentials: { password: 'alices-password', macs: ['02:00:00:00:00:01'] }
    },
    {
      id: 'sub_1002',
      username: 'bob',
      status: 'suspended',
      profile: 'home-100',
      suspension: { how: 'reject', reason: 'unpaid' }
    }
  ]
  readonly all: Session[] = [
    aSession(),
    aSession({ id: 'ses-2', userName: 'bob', subscriber: 'sub_1002', state: 'stale' }),
    aSession({ id: 'ses-3', state: 'closed', closedAt: noon - 7_200_000, closedBy: 'stop', nas: 'bras-2' })
  ]

  log: readonly EvidenceEntry[] = []
  chain: EvidenceCheck = { entries: 0, head: '0'.repeat(64) }

  status() {
    return this.state
  }

  sessions(query: SessionQuery) {
    const from = Number(query.cursor ?? 0)
    const found = this.all.filter(
      session =>
        (query.subscriber === undefined || [session.subscriber, session.userName].includes(query.subscriber)) &&
        (query.nas === undefined || session.nas === query.nas) &&
        (query.state === undefined || session.state === query.state)
    )
    const end = from + query.limit
    return { items: found.slice(from, end), ...(end < found.length && { cursor: String(end) }) }
  }

  devices() {
    return [aDevice]
  }

  async why(id: string) {
    const session = this.all.find(each => each.id === id)
    if (session === undefined) return undefined
    const step = { sequence: 0, seconds: 300, totalUpOctets: 5000n, totalDownOctets: 70_000n }
    return {
      session,
      steps: [
        {
          ...step,
          at: noon - 3_000_000,
          cause: 'interim',
          sequence: 4711,
          upOctets: 5000n,
          downOctets: 70_000n,
          words: 'counters grew'
        },
        {
          ...step,
          at: noon - 2_999_000,
          cause: 'duplicate',
          upOctets: 0n,
          downOctets: 0n,
          words: 'the same totals again: nothing is added'
        }
      ]
    }
  }

  subscriber(id: string) {
    const subscriber = this.#find(id)
    if (subscriber === undefined) return undefined
    const sessions = this.all.filter(session => session.subscriber === subscriber.id && session.state !== 'closed')
    return { subscriber, wanted: { kind: 'full' as const, reason: 'active' }, sessions }
  }

  async usage(id: string, since: number) {
    const subscriber = this.#find(id)
    if (subscriber === undefined) return undefined
    const sessions = this.all.filter(session => session.subscriber === subscriber.id)
    return {
      subscriber: subscriber.id,
      username: subscriber.username,
      since,
      upOctets: 1_200_345n,
      downOctets: 98_000_123n,
      sessions
    }
  }

  async suspend(id: string, suspension: Suspension) {
    return this.#decide(id, 'suspended', { suspend: id, ...suspension })
  }

  async restore(id: string, reason: string) {
    return this.#decide(id, 'active', { restore: id, reason })
  }

  enforcements(query: { subscriber?: string; limit: number }) {
    return [aNotice].filter(notice => query.subscriber === undefined || notice.subject === query.subscriber)
  }

  async resetMacs(id: string) {
    if (this.subscriber(id) === undefined) return undefined
    this.said.push({ resetMacs: id })
    return 2
  }

  async evidence({ subscriber, after, limit }: EvidenceQuery) {
    const wanted = this.log.filter(
      entry => entry.sequence > after && (subscriber === undefined || entry.subscriber === this.#find(subscriber)?.id)
    )
    return wanted.slice(0, limit)
  }

  async checkEvidence() {
    return this.chain
  }

  async releaseBrake() {
    this.said.push('release')
    return 3
  }

  rejections(limit: number) {
    const rejected = { userName: 'alice', subscriber: 'sub_1001', nas: 'bras-1', callingStation: '02:00:00:00:00:01' }
    const why = { code: 'WRONG_CREDENTIAL', words: 'The password does not fit.' }
    return [{ ...rejected, ...why, at: noon - 3_600_000, lastAt: noon, count: 120 }].slice(0, limit)
  }

  quarantine() {
    return [{ sequence: 12, type: 'turnpike.usage', subject: 'sub_1001', at: noon, reason: 'unknown subject' }]
  }

  async resend(sequences: readonly number[] | undefined) {
    this.said.push({ resend: sequences })
    return sequences?.length ?? 1
  }

  async backup(directory: string) {
    this.said.push(['backup', directory])
    return 4711
  }

  templates() {
    const username = { name: 'username', type: 'text' as const, describe: 'PPPoE user', required: true }
    const password = { name: 'password', type: 'secret' as const, describe: 'PPPoE password', required: true }
    const mtu = { name: 'mtu', type: 'number' as const, describe: 'MTU of the line', required: false, default: 1492 }
    const variables = [username, password, mtu]
    return [
      { name: 'line', title: 'A line', drivers: ['mikrotik'], variables },
      {
        name: 'odd',
        title: '',
        drivers: [],
        variables: [],
        problem: '/t/odd.yaml:1:1: found nothing, expected a title.'
      }
    ]
  }

  async provision(order: ProvisionOrder) {
    this.said.push(order)
    if (order.device === 'nowhere') throw new ApiError('API_PROVISIONING', 'There is no device «nowhere».')
    if (order.device === 'off') throw new ApiError('API_DEVICE', 'off: There is no route to it.')
    const changes = ['add /interface/pppoe-client pppoe-out1: user=alice password=…']
    const proof = order.dryRun ? {} : { proof: 'read back' }
    return order.device === 'ready'
      ? { result: 'unchanged' as const, detail: 'Everything is on the router already.' }
      : { result: order.dryRun ? ('unchanged' as const) : ('changed' as const), detail: 'words', changes, ...proof }
  }

  metrics() {
    return [
      {
        name: 'turnpike_sessions',
        help: 'Sessions by state',
        type: 'gauge' as const,
        samples: [{ labels: { state: 'open' }, value: 1 }]
      },
      {
        name: 'turnpike_odd_total',
        help: 'Odd\nhelp',
        type: 'counter' as const,
        samples: [{ labels: { nas: 'a"b\\c\nd' }, value: 2 }]
      }
    ]
  }

  async #decide(id: string, status: Subscriber['status'], what: unknown) {
    if (id === 'broken') throw new Error('an inner secret')
    if (id === 'full') throw new ApiError('API_UNAVAILABLE', 'The disk is full: nothing can be decided now.')
    const subscriber = this.#find(id)
    if (subscriber === undefined) return undefined
    this.said.push(what)
    return { subscriber: subscriber.id, status, sessions: 1 }
  }

  #find(id: string) {
    return this.subscribers.find(each => each.id === id) ?? this.subscribers.find(each => each.username === id)
  }
}
