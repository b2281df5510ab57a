import type { RateLimit } from '../../agent/model/index.js'
import { type Attempts, families, type Family, type Subscriber, type Tally } from '../../sandbox/network/index.js'
import { within } from '../story/awaiting.js'
import { proofAtBilling } from '../story/proof.js'
import { type ProviderStage, throttle } from './stage.js'
import { meetings, type Order, type Step } from './steps.js'

type Both<T> = Readonly<Record<Family, T>>
/** IPv6 is absent where one rate is measured that both families share. */
type Seen = Readonly<Partial<Record<Family, number>>>

/** What was measured of one step. Times in milliseconds from billing's order, rates in bit/s. */
export interface Figures extends Step {
  /** The first connection that met the new treatment; where only the rate changes, the open download that sped up. */
  readonly seenMs: Seen
  /** The end of a download that was open, where it is to end. */
  readonly cutMs?: Seen
  /** The decision has reached the agent. */
  readonly heardMs: number
  /** The agent has its proof. */
  readonly provedMs: number
  /** The proof has reached billing. */
  readonly provenMs: number
  readonly way: string
  readonly proof: string
  readonly detail: string
  /** What a subscriber meets who then tries everything. */
  readonly met: Both<Attempts>
  readonly rates?: Both<RateLimit>
  readonly neighbour: Tally & { readonly down?: number }
}

const RATE_MS = 2000
/** Times the throttle: then it is no throttle any more. */
const FASTER = 1.5

/** Carries one order out and measures what comes of it. @throws Error with the part that did not come to pass */
export async function measure(stage: ProviderStage, step: Step): Promise<Figures> {
  const [one, two] = stage.network.subscribers
  await two.tally()
  const timed = await carryOut(stage, one, step)
  await one.letGo()
  const met = await both(family => one.attempts(family))
  const [rates, down] = await Promise.all([ratesOf(one, step), step.want === 'throttled' ? two.download() : undefined])
  const neighbour = { ...(await two.tally()), ...(down !== undefined && { down }) }
  return { ...step, ...timed, met, ...(rates !== undefined && { rates }), neighbour }
}

type Timed = Pick<Figures, 'seenMs' | 'cutMs' | 'heardMs' | 'provedMs' | 'provenMs' | 'way' | 'proof' | 'detail'>

async function carryOut(stage: ProviderStage, one: Subscriber, { order, from, want }: Step): Promise<Timed> {
  const isRateOnly = meetings[from].web === meetings[want].web
  const isCut = from === 'full' && want === 'blocked'
  const watched = isRateOnly ? ([4] as const) : families
  if (isRateOnly || isCut) for (const family of watched) await one.hold(family, isCut ? 'trickle' : 'download')
  const words = (what: string) => `after billing's "${order}" ${what}`
  const seen = each(watched, family =>
    within(
      isRateOnly ? one.heldExceeds(family, FASTER * throttle.down) : sight(one, family, meetings[want].web),
      words(`nothing changed for the subscriber over IPv${family}`)
    )
  )
  const cut = isCut
    ? each(watched, family => within(one.heldEnds(family), words('an open download went on')))
    : undefined
  const proof = within(proven(stage, want), words('no proof reached billing'))
  const orderedAt = Date.now()
  const [seenAt, cutAt, { at, requestedAt, afterMs, way = '', proof: by = '', detail }] = await Promise.all([
    seen,
    cut,
    proof,
    give(stage, order)
  ])
  return {
    seenMs: since(orderedAt, seenAt),
    ...(cutAt !== undefined && { cutMs: since(orderedAt, cutAt) }),
    heardMs: requestedAt - orderedAt,
    provedMs: requestedAt + afterMs - orderedAt,
    provenMs: at - orderedAt,
    way,
    proof: by,
    detail
  }
}

async function give({ billing, subscription }: ProviderStage, order: Order): Promise<void> {
  if (order === 'restore') await billing.restore(subscription)
  else await billing.suspend(subscription, { how: order, reason: 'invoice unpaid', reference: 'INV-1' })
}

async function sight(one: Subscriber, family: Family, web: RegExp): Promise<number> {
  return (await one.sees(sight => sight.family === family && web.test(sight.said))).at
}

async function proven({ billing, subscription }: ProviderStage, want: Step['want']) {
  return { ...(await proofAtBilling(billing, subscription, want)), at: Date.now() }
}

async function ratesOf(one: Subscriber, { want }: Step): Promise<Both<RateLimit> | undefined> {
  if (meetings[want].rate === undefined) return undefined
  const of = async (family: Family) => ({
    down: await one.download(family, RATE_MS),
    up: await one.upload(family, RATE_MS)
  })
  // One after the other: both families share the subscriber's rate.
  return { 4: await of(4), 6: await of(6) }
}

async function both<T>(measured: (family: Family) => Promise<T>): Promise<Both<T>> {
  const [four, six] = await Promise.all([measured(4), measured(6)])
  return { 4: four, 6: six }
}

async function each(of: readonly Family[], when: (family: Family) => Promise<number>): Promise<Seen> {
  return Object.fromEntries(await Promise.all(of.map(async family => [family, await when(family)] as const)))
}

function since(begun: number, at: Seen): Seen {
  return Object.fromEntries(Object.entries(at).map(([family, time]) => [family, time - begun]))
}
