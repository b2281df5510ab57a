import type { Answered, Make, Partner } from './partner.js'

/** What became of a request: answered by one, or by none. `dead`: there was nobody to ask. */
export type Forwarded = { readonly by: Partner; readonly answer: Answered } | 'silent' | 'crowded' | 'dead'

const ORDER = { alive: 0, zombie: 1, dead: 2 } as const

/** Who is asked, in turn: the alive in their order, then the zombies; the dead are not. `first` goes before all others. */
export function inTurn(partners: readonly Partner[], first?: Partner): Partner[] {
  const rank = (partner: Partner) => (partner === first ? -1 : ORDER[partner.state])
  return partners.filter(({ state }) => state !== 'dead').sort((a, b) => rank(a) - rank(b))
}

/** Asks one server after the other until one answers; two at most, for no NAS waits longer. */
export async function forward(
  partners: readonly Partner[],
  code: number,
  make: Make,
  takes: readonly number[],
  first?: Partner
): Promise<Forwarded> {
  let outcome: Forwarded = 'dead'
  for (const by of inTurn(partners, first).slice(0, 2)) {
    const answer = await by.ask(code, make, takes)
    if (typeof answer !== 'string') return { by, answer }
    outcome = answer
  }
  return outcome
}
