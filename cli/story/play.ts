import type { EnforcementNotice, TreatmentKind } from '../../agent/model/index.js'
import { happens, until, within } from './awaiting.js'
import { proofAtBilling } from './proof.js'
import type { Stage } from './stage.js'
import { tell } from './tell.js'

/** How the story ended: the last line of `npm start -- --once`. Octets are the sum of both directions. */
export type StoryEnd =
  | {
      readonly story: 'complete'
      readonly subscribers: number
      readonly octetsSent: number
      readonly octetsAtBilling: number
      readonly suspendToProvenMs: number
      readonly restoreToProvenMs: number
    }
  | { readonly story: 'failed'; readonly reason: string; readonly octetsSent: number; readonly octetsAtBilling: number }

const PAYMENT = 5_000_000n

/** Plays the story to its end, telling it. @throws Error with the part that did not come to pass */
export async function play(stage: Stage, { goOn }: { goOn: boolean }): Promise<StoryEnd> {
  tell.opening(stage)
  await everybodyOnline(stage)
  await usageAtBilling(stage)
  const suspendToProvenMs = await runsOutOfMoney(stage)
  const restoreToProvenMs = await pays(stage)
  const octets = goOn ? await countOpen(stage) : await countAll(stage)
  const agree = octets.octetsSent === octets.octetsAtBilling
  if (!agree) return { story: 'failed', reason: 'billing has other octets than the NAS sent', ...octets }
  const { length } = stage.subscribers
  return { story: 'complete', subscribers: length, ...octets, suspendToProvenMs, restoreToProvenMs }
}

async function everybodyOnline({ agent, nas, subscribers }: Stage): Promise<void> {
  const known = () => agent.replica.counts().subscriber
  await until(() => known() === subscribers.length, 'billing did not tell the agent its subscribers')
  const began = performance.now()
  await nas.start({ spreadMs: 500 })
  const online = () => nas.lines.filter(line => line.state === 'online').length
  await until(() => online() === subscribers.length, `only ${online()} of ${subscribers.length} sessions came up`)
  tell.online(subscribers.length, performance.now() - began)
}

async function usageAtBilling({ billing }: Stage): Promise<void> {
  await until(() => billing.totals().downOctets > 1_000_000n, 'no usage reached billing')
  tell.usage(billing)
}

async function runsOutOfMoney(stage: Stage): Promise<number> {
  const { billing, debtor, nas } = stage
  const proof = proven(stage, 'walled')
  const walled = happens<[{ dialer: { userName: string } }]>(nas, 'walled', ([line]) => line.dialer.userName === debtor)
  const suspended = happens<[{ document: { id: string } }]>(billing.events, 'suspended')
  await within(suspended, `${debtor} did not run out of money`)
  const decidedAt = Date.now()
  tell.suspended(stage)
  const { data, provenAt } = await within(proof, `nothing proved that ${debtor} was cut off`)
  tell.proven(data, provenAt - decidedAt)
  await within(walled, `${debtor} did not meet the walled garden`)
  tell.walled(debtor)
  return provenAt - decidedAt
}

async function pays(stage: Stage): Promise<number> {
  const { billing, debtor, nas } = stage
  const proof = proven(stage, 'full')
  await billing.pay(`sub_${debtor}`, PAYMENT)
  const decidedAt = Date.now()
  tell.paid(debtor)
  const { data, provenAt } = await within(proof, `nothing proved that ${debtor} was restored`)
  await until(
    () => nas.line(debtor).session !== undefined && nas.line(debtor).session?.walled === false,
    `${debtor} did not come back`
  )
  tell.proven(data, provenAt - decidedAt)
  tell.back(debtor)
  return provenAt - decidedAt
}

/** Switches the NAS off, each session with its Stop, and waits until billing has it all. */
async function countAll({ nas, agent, billing }: Stage): Promise<{ octetsSent: number; octetsAtBilling: number }> {
  await nas.stop()
  const { used } = nas.totals()
  await agent.ledger.settled()
  await until(() => agent.uplink?.status().backlog === 0, 'the backlog was not taken by billing')
  const { upOctets, downOctets } = billing.totals()
  const octets = { octetsSent: Number(used.up + used.down), octetsAtBilling: Number(upOctets + downOctets) }
  tell.count(octets)
  return octets
}

/** Sessions go on: what has been acknowledged so far is compared once billing has as much. */
async function countOpen({ nas, billing }: Stage): Promise<{ octetsSent: number; octetsAtBilling: number }> {
  await nas.flush()
  const both = () => {
    const { acknowledged } = nas.totals()
    const { upOctets, downOctets } = billing.totals()
    return { octetsSent: Number(acknowledged.up + acknowledged.down), octetsAtBilling: Number(upOctets + downOctets) }
  }
  let octets = both()
  await until(() => {
    octets = both()
    return octets.octetsSent === octets.octetsAtBilling
  }, 'billing does not have the octets that were acknowledged')
  tell.count(octets)
  return octets
}

interface Proven {
  readonly data: EnforcementNotice
  readonly provenAt: number
}

async function proven({ billing, debtor }: Stage, want: TreatmentKind): Promise<Proven> {
  const data = await proofAtBilling(billing, `sub_${debtor}`, want)
  return { data, provenAt: data.requestedAt + data.afterMs }
}
