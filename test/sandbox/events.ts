import type { CloudEvent } from '../../agent/model/edge-api.js'

/** Tokens of the test's billing. */
export const tokens = { edge: 'edge-token-of-the-test', admin: 'admin-token-of-the-test' }
export const epoch = '01JDBVN6C0EPOCH'

interface Place {
  readonly epoch?: string
  readonly source?: string
  readonly profile?: string
}

/** A usage event of sub_1. */
export function usageEvent(
  sequence: number,
  octets: { up?: number | string; down?: number | string } = {},
  place: Place = {}
): CloudEvent {
  const digits = sequence.toString().padStart(16, '0')
  const { up = 10, down = 20 } = octets
  return {
    specversion: '1.0',
    type: 'turnpike.usage',
    source: place.source ?? '/agents/edge-1',
    id: `${place.epoch ?? epoch}-${digits}`,
    sequence: digits,
    time: '2026-11-23T10:00:00.000Z',
    subject: 'sub_1',
    datacontenttype: 'application/json',
    data: {
      session: 's1',
      nas: 'bras-1',
      acctSessionId: '81000001',
      username: 'user-sub_1',
      profile: place.profile ?? 'home',
      periodStart: '2026-11-23T09:55:00.000Z',
      periodEnd: '2026-11-23T10:00:00.000Z',
      seconds: 300,
      upOctets: up,
      downOctets: down,
      upPackets: 0,
      downPackets: 0,
      totalUpOctets: '0',
      totalDownOctets: '0',
      cause: 'interim'
    }
  }
}

/** Usage events of consecutive sequences. */
export function batch(first: number, count: number, octets: { up?: number; down?: number } = {}): CloudEvent[] {
  return Array.from({ length: count }, (_, index) => usageEvent(first + index, octets))
}
