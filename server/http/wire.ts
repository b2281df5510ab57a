import type { EvidenceEntry } from '../../agent/enforcement/index.js'
import { type EnforcementNotice, type Session, sessionOctets } from '../../agent/model/index.js'
import type { DeviceStatus } from '../../agent/poller/index.js'
import type * as schemas from './schemas.js'
import type { AgentStatus, QuarantinedView, RejectionView, SessionStory, SubscriberView, UsageView } from './view.js'

/** The agent's values as the API's JSON: schemas.ts says what each means. */

const time = (milliseconds: number) => new Date(milliseconds).toISOString()
const count = (value: number) => Math.max(0, Math.trunc(value))

export function statusWire(status: AgentStatus): schemas.Status {
  const { attention, listeners, startedAt, ...rest } = status
  return { ...rest, startedAt: time(startedAt), attention: [...attention], listeners: [...listeners] }
}

export function sessionWire(session: Session): schemas.SessionWire {
  const octets = sessionOctets(session)
  const { id, subscriber, userName, nas, nasPort, acctSessionId, profile, state, framedIpv4, framedIpv6Prefix } =
    session
  const { delegatedPrefix, callingStation, startedAt, lastAt, closedAt, closedBy, duplicates, late, resets } = session
  const texts = { id, subscriber, userName, nas, nasPort, acctSessionId, profile, state, framedIpv4, framedIpv6Prefix }
  return {
    ...texts,
    delegatedPrefix,
    callingStation,
    startedAt: time(startedAt),
    lastAt: time(lastAt),
    ...(state === 'closed' && { closedAt: time(closedAt), closedBy }),
    seconds: count(session.seconds),
    upOctets: String(octets.up),
    downOctets: String(octets.down),
    duplicates,
    late,
    resets
  }
}

export function storyWire(story: SessionStory): schemas.Story {
  return {
    session: sessionWire(story.session),
    steps: story.steps.map(step => ({
      at: time(step.at),
      cause: step.cause,
      sequence: step.sequence,
      seconds: count(step.seconds),
      upOctets: String(step.upOctets),
      downOctets: String(step.downOctets),
      totalUpOctets: String(step.totalUpOctets),
      totalDownOctets: String(step.totalDownOctets),
      words: step.words
    }))
  }
}

/** Takes the credentials off. */
export function subscriberWire(view: SubscriberView): schemas.SubscriberWire {
  const { credentials: _never, ...subscriber } = view.subscriber
  const { profile, lastRefusal } = view
  return {
    subscriber,
    ...(profile !== undefined && { profile }),
    wanted: { ...view.wanted },
    sessions: view.sessions.map(sessionWire),
    ...(lastRefusal !== undefined && { lastRefusal: { ...lastRefusal, at: time(lastRefusal.at) } })
  }
}

export function usageWire(usage: UsageView): schemas.Usage {
  return {
    subscriber: usage.subscriber,
    username: usage.username,
    since: time(usage.since),
    upOctets: String(usage.upOctets),
    downOctets: String(usage.downOctets),
    sessions: usage.sessions.map(sessionWire)
  }
}

export function enforcementWire(notice: EnforcementNotice): schemas.EnforcementList['enforcements'][number] {
  return { ...notice, requestedAt: time(notice.requestedAt) }
}

export function rejectionWire({ at, lastAt, ...rejection }: RejectionView): schemas.Rejections['rejections'][number] {
  return { ...rejection, firstAt: time(at), lastAt: time(lastAt) }
}

export function evidenceWire(entry: EvidenceEntry): schemas.EvidenceList['entries'][number] {
  return { ...entry, at: time(entry.at) }
}

export function deviceWire({ at, took, unclaimed, ...device }: DeviceStatus): schemas.DeviceList['devices'][number] {
  return {
    ...device,
    ...(at > 0 && { at: time(at) }),
    tookMs: took,
    unclaimed: { count: unclaimed.count, first: [...unclaimed.first] },
    problems: [...device.problems]
  }
}

export function quarantineWire(event: QuarantinedView): schemas.Quarantine['events'][number] {
  return { ...event, at: time(event.at) }
}
