import { families } from '../../sandbox/network/index.js'
import { judge } from './judge.js'
import { type Figures, measure } from './measure.js'
import type { ProviderStage } from './stage.js'
import { steps } from './steps.js'
import { tell } from './tell.js'

/** How the show ended: the last line that it prints. */
export interface ShowEnd {
  readonly show: 'as-promised' | 'wrong'
  /** What is not as it should be, in sentences. */
  readonly wrong: readonly string[]
  readonly steps: readonly Figures[]
}

/** Plays all steps, telling what was measured. @throws Error with the part that did not come to pass */
export async function play(stage: ProviderStage, slack: number): Promise<ShowEnd> {
  tell.opening(stage)
  await lookOut(stage)
  const all: Figures[] = []
  for (const step of steps) {
    tell.order(step)
    const figures = await measure(stage, step)
    tell.figures(figures)
    all.push(figures)
  }
  const wrong = all.flatMap(figures => judge(figures, slack))
  tell.summary(all)
  tell.wrong(wrong)
  return { show: wrong.length === 0 ? 'as-promised' : 'wrong', wrong, steps: all }
}

/** Both keep trying from now on. The first packets over IPv6 may be lost to neighbour discovery: those do not count. */
async function lookOut({ network }: ProviderStage): Promise<void> {
  for (const subscriber of network.subscribers) {
    const online = families.map(family => subscriber.sees(sight => sight.family === family && sight.said === 'site'))
    await subscriber.lookOut()
    await Promise.all(online)
  }
}
