import { Type, type Static } from '@sinclair/typebox'

/*
 * How billing misbehaves, for tests of the agent: one list of steps for each of the three calls. A step is used up by one
 * request, or by `times`; when a list is at its end, billing behaves again.
 */

const times = Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'requests; 1 by default' }))
const delayMs = Type.Optional(Type.Integer({ minimum: 0, maximum: 600_000, description: 'before anything else' }))
const common = {
  times,
  delayMs,
  status: Type.Optional(
    Type.Integer({ minimum: 200, maximum: 599, description: 'answered instead of doing anything' })
  ),
  retryAfter: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400, description: 'seconds, beside `status`' })),
  hang: Type.Optional(Type.Boolean({ description: 'takes the request and never answers' })),
  garbage: Type.Optional(Type.Boolean({ description: 'answers 200 with octets that mean nothing' }))
}

export const EventsStep = Type.Object(
  {
    ...common,
    close: Type.Optional(
      Type.Union([Type.Literal('before'), Type.Literal('after'), Type.Literal('half-way')], {
        description:
          'cuts the connection: before anything is taken, after everything was taken, or in the middle of the answer'
      })
    ),
    lie: Type.Optional(
      Type.Union([Type.Literal('unknown-ids'), Type.Literal('omit')], {
        description:
          'unknown-ids: names an event that was not sent; omit: takes the first half and is silent on the rest'
      })
    )
  },
  { additionalProperties: false }
)
export type EventsStep = Static<typeof EventsStep>

export const FeedStep = Type.Object(
  {
    ...common,
    replay: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, description: 'so many old messages come again' })
    ),
    reorder: Type.Optional(Type.Boolean({ description: 'each two messages change places, where two are there' })),
    truncate: Type.Optional(Type.Boolean({ description: 'the next message is cut in the middle, then the connection' }))
  },
  { additionalProperties: false }
)
export type FeedStep = Static<typeof FeedStep>

export const SnapshotStep = Type.Object(
  {
    ...common,
    truncate: Type.Optional(
      Type.Union([Type.Literal('half'), Type.Literal('no-end'), Type.Literal('wrong-counts')], {
        description:
          'half: cut inside a line; no-end: without the last line; wrong-counts: one subscriber too many there'
      })
    ),
    omit: Type.Optional(
      Type.Integer({ minimum: 1, description: 'so many subscribers are missing, and the counts agree' })
    )
  },
  { additionalProperties: false }
)
export type SnapshotStep = Static<typeof SnapshotStep>

const most = 10_000

/** The script. What is left out behaves. */
export const Misbehaviour = Type.Object(
  {
    events: Type.Optional(Type.Array(EventsStep, { maxItems: most })),
    feed: Type.Optional(Type.Array(FeedStep, { maxItems: most })),
    snapshot: Type.Optional(Type.Array(SnapshotStep, { maxItems: most })),
    poison: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: most,
        description: 'ids of events for which a whole batch is answered 400'
      })
    )
  },
  { additionalProperties: false }
)
export type Misbehaviour = Static<typeof Misbehaviour>

interface Steps {
  events: EventsStep
  feed: FeedStep
  snapshot: SnapshotStep
}

/** The steps that are still to come. */
export class Script {
  readonly #steps: { [C in keyof Steps]: { step: Steps[C]; left: number }[] } = { events: [], feed: [], snapshot: [] }
  #poison: ReadonlySet<string> = new Set()

  /** Replaces everything: an empty script makes billing behave. */
  set(script: Misbehaviour): void {
    this.#steps.events = (script.events ?? []).map(step => ({ step, left: step.times ?? 1 }))
    this.#steps.feed = (script.feed ?? []).map(step => ({ step, left: step.times ?? 1 }))
    this.#steps.snapshot = (script.snapshot ?? []).map(step => ({ step, left: step.times ?? 1 }))
    this.#poison = new Set(script.poison)
  }

  /** The step for this request, used up by it; `{}` to behave. */
  next<C extends keyof Steps>(call: C): Steps[C] | Record<string, never> {
    const steps = this.#steps[call]
    const first = steps[0]
    if (first === undefined) return {}
    first.left--
    if (first.left === 0) steps.shift()
    return first.step
  }

  /** Whether a batch with this event is to be refused as a whole. */
  isPoison(id: string): boolean {
    return this.#poison.has(id)
  }
}
