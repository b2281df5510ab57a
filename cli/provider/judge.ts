import { families } from '../../sandbox/network/index.js'
import type { Figures } from './measure.js'
import { throttle } from './stage.js'
import { meetings } from './steps.js'

/** What is promised: ms from billing's order to the first packet, and to the proof at billing. */
export const promised = { seen: 1000, proven: 5000 } as const

/** Measured rates over the wanted one: TCP loses some of it to headers, and a busy machine more. */
const tolerance = { least: 0.6, most: 1.1 }

/**
 * Sentences about what is not as it should be; none where all is well.
 * @param slack  how many times later, and slower, it may all be: above 1 where the machine is busy with other things
 */
export function judge(figures: Figures, slack: number): readonly string[] {
  const said = [...times(figures, slack), ...meeting(figures), ...rates(figures, slack), ...neighbour(figures, slack)]
  return said.map(words => `${figures.order}: ${words}`)
}

function times({ seenMs, cutMs, provenMs }: Figures, slack: number): string[] {
  const late = (what: string, ms: number, most: number) => (ms > most * slack ? [`${what} after ${ms} ms`] : [])
  return [
    ...families.flatMap(family => late(`first seen over IPv${family}`, seenMs[family] ?? 0, promised.seen)),
    ...families.flatMap(family => late(`a download over IPv${family} ended`, cutMs?.[family] ?? 0, promised.seen)),
    ...late('proven', provenMs, promised.proven)
  ]
}

function meeting({ want, met }: Figures): string[] {
  return families.flatMap(family =>
    (['web', 'tls', 'dns'] as const).flatMap(what => {
      const { said } = met[family][what]
      return meetings[want][what].test(said) ? [] : [`${what} over IPv${family} met "${said}"`]
    })
  )
}

function rates({ want, rates: measured }: Figures, slack: number): string[] {
  const { rate } = meetings[want]
  if (rate === undefined || measured === undefined) return []
  return families.flatMap(family =>
    (['down', 'up'] as const).flatMap(way => {
      const share = measured[family][way] / rate[way]
      const isRight = share >= tolerance.least / slack && share <= tolerance.most
      return isRight ? [] : [`${way} over IPv${family} has ${Math.round(100 * share)} % of the rate`]
    })
  )
}

/** Who is not meant is to notice nothing: every connection is served, soon, and at more than somebody else's throttle. */
function neighbour({ neighbour: { attempts, said, longestMs, down } }: Figures, slack: number): string[] {
  const { site = 0, ...others } = said
  return [
    ...(site === attempts && attempts > 0 ? [] : [`the other subscriber met ${JSON.stringify(others)}`]),
    ...(longestMs <= promised.seen * slack ? [] : [`the other subscriber waited ${longestMs} ms`]),
    ...(down === undefined || down > 4 * throttle.down ? [] : [`the other subscriber had ${Math.round(down)} bit/s`])
  ]
}
