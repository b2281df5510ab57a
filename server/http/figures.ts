import type { EnforcementStatus } from '../../agent/enforcement/index.js'
import type { PollerCounts } from '../../agent/poller/index.js'
import type { SessionCounts } from '../../agent/sessions/index.js'
import type { UplinkStatus } from '../../agent/uplink/index.js'
import type { RadiusCounts } from '../radius/index.js'
import type { Metric } from './view.js'

/** Where the agent's figures come from. */
export interface Figures {
  readonly ledger: { readonly durableHead: number; readonly ok: boolean; readonly diskOctets: number }
  readonly sessions: SessionCounts
  readonly enforcement: EnforcementStatus
  readonly devices: {
    readonly states: Readonly<Record<string, number>>
    readonly counted: number
    readonly unclaimed: number
    readonly problems: number
    readonly polls: PollerCounts
  }
  readonly radius: RadiusCounts
  readonly uplink: UplinkStatus | undefined
}

/** The agent's figures by the names under which Prometheus keeps them. */
export function metricsOf(figures: Figures): Metric[] {
  return [
    ...radius(figures.radius),
    ...agent(figures),
    ...devices(figures.devices),
    ...(figures.uplink === undefined ? [] : uplink(figures.uplink))
  ]
}

function radius(counts: RadiusCounts): Metric[] {
  return [
    counter('turnpike_radius_received_total', 'Datagrams that arrived', 'port', counts.received),
    counter('turnpike_radius_replied_total', 'Replies by code', 'code', counts.replied),
    counter('turnpike_radius_discarded_total', 'Datagrams without a reply, by reason', 'reason', counts.discarded),
    one('turnpike_radius_repeated_total', 'Replies sent again to a duplicate', 'counter', counts.repeated),
    one('turnpike_radius_rejects_delayed', 'Access-Rejects that wait for their delay', 'gauge', counts.delayed)
  ]
}

function agent({ ledger, sessions, enforcement }: Figures): Metric[] {
  const { open, stale, closed, packets } = sessions
  const { open: pending, held, failed } = enforcement
  return [
    gauge('turnpike_sessions', 'Sessions by state', 'state', { open, stale, closed }),
    counter('turnpike_accounting_packets_total', 'Accounting packets by what they did', 'verdict', packets),
    one('turnpike_ledger_durable_head', 'Sequence of the last record that is synced', 'counter', ledger.durableHead),
    one('turnpike_ledger_ok', '1 while records are taken', 'gauge', ledger.ok ? 1 : 0),
    one('turnpike_ledger_disk_octets', 'Octets that the ledger takes on disk', 'gauge', ledger.diskOctets),
    gauge('turnpike_enforcements', 'Decisions that are not proven', 'state', { pending, held, failed })
  ]
}

function devices({ states, counted, unclaimed, problems, polls }: Figures['devices']): Metric[] {
  const { answered, failed, counters, quick, slow, waiting } = polls
  return [
    gauge('turnpike_devices', 'Devices that are polled, by state', 'state', states),
    gauge('turnpike_device_ports', 'Ports of devices, by whom they count for', 'for', {
      subscriber: counted,
      nobody: unclaimed
    }),
    one('turnpike_device_port_problems', 'Ports that cannot be billed', 'gauge', problems),
    counter('turnpike_polls_total', 'Polls of devices by outcome', 'outcome', { answered, failed }),
    one('turnpike_polled_counters_total', 'Counters that were read', 'counter', counters),
    gauge('turnpike_polls', 'Polls under way, and those that wait for a place', 'state', { quick, slow, waiting })
  ]
}

function uplink({ backlog, backlogAgeMs, perSecond, drainSeconds, quarantined, state }: UplinkStatus): Metric[] {
  const drain = drainSeconds ?? Number.NaN
  return [
    one('turnpike_uplink_up', '1 while billing takes events', 'gauge', state === 'ok' ? 1 : 0),
    one('turnpike_uplink_backlog', 'Records that billing does not have yet', 'gauge', backlog),
    one('turnpike_uplink_backlog_age_seconds', 'Age of the oldest of them', 'gauge', backlogAgeMs / 1000),
    one('turnpike_uplink_events_per_second', 'Events that billing takes', 'gauge', perSecond),
    one('turnpike_uplink_drain_seconds', 'Estimated time until the backlog is gone; NaN when unknown', 'gauge', drain),
    one('turnpike_uplink_quarantined', 'Events that billing rejected', 'gauge', quarantined)
  ]
}

function one(name: string, help: string, type: Metric['type'], value: number): Metric {
  return { name, help, type, samples: [{ value }] }
}

function labelled(type: Metric['type']) {
  return (name: string, help: string, label: string, values: Readonly<Record<string, number>>): Metric => {
    const samples = Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }))
    return { name, help, type, samples }
  }
}

const counter = labelled('counter')
const gauge = labelled('gauge')
