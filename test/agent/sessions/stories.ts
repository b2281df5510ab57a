import * as fc from 'fast-check'
import { type Said, tickets } from './packets.js'

/*
 * Whole sessions as a NAS tells them, and the ways in which their packets are delivered.
 */

const GiB = 2n ** 30n

/** A session as a NAS tells it: Start, some Interim-Updates with growing totals, Stop. */
export const story = fc
  .record({
    began: fc.integer({ min: 0, max: 100_000 }),
    steps: fc.array(
      fc.record({
        time: fc.integer({ min: 0, max: 900 }),
        up: fc.bigInt({ min: 0n, max: 40n * GiB }),
        down: fc.bigInt({ min: 0n, max: 40n * GiB })
      }),
      { minLength: 1, maxLength: 8 }
    )
  })
  .map(({ began, steps }): Said[] => {
    const said: Said[] = [{ status: 'start', at: began, port: 5 }]
    const sum = { time: 0, up: 0n, down: 0n }
    steps.forEach((step, n) => {
      sum.time += step.time
      sum.up += step.up
      sum.down += step.down
      said.push({ status: n === steps.length - 1 ? 'stop' : 'interim', at: began + sum.time, port: 5, ...sum })
    })
    return said
  })

/** A delivery of packets: some lost, some twice, in any order, but the last arrives. */
export function delivered(said: readonly Said[]): fc.Arbitrary<Said[]> {
  const last = said.length - 1
  return fc
    .array(fc.integer({ min: 0, max: last }), { maxLength: 3 * said.length })
    .chain(picks => fc.shuffledSubarray([...picks, last], { minLength: picks.length + 1 }))
    .map(order => order.map(n => said[n]).filter(each => each !== undefined))
}

export function withTicket(said: readonly Said[]): Said[] {
  const { octets } = tickets.issue('sub_1', 'home')
  return said.map(each => ({ ...each, class: octets }))
}

/** In which the packets arrive one second after another, when all has happened: as after an outage. */
export function afterAll(said: readonly Said[], until: number): Said[] {
  return said.map((each, n) => ({ ...each, arrives: until + 1 + n }))
}

/** In which the packets arrive ten a second, when all has happened: as a NAS empties its queue. */
export function together(said: readonly Said[], until: number): Said[] {
  return said.map((each, n) => ({ ...each, arrives: until + 1 + n / 10 }))
}

/** The story as it happens after another one has ended, so many seconds later. */
export function follow(first: readonly Said[], second: readonly Said[], pause: number): Said[] {
  const shift = (first.at(-1)?.at ?? 0) + pause - (second[0]?.at ?? 0)
  return second.map(each => ({ ...each, at: each.at + shift }))
}

/** What is to be billed for whole sessions: the totals of their last packets. */
export function bill(...stories: readonly (readonly Said[])[]): { up: bigint; down: bigint } {
  const last = stories.map(said => said.at(-1))
  return {
    up: last.reduce((sum, each) => sum + (each?.up ?? 0n), 0n),
    down: last.reduce((sum, each) => sum + (each?.down ?? 0n), 0n)
  }
}
