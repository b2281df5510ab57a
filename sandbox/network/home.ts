import { attempts } from './attempts.js'
import type { Family } from './addresses.js'
import { answerWith, tell } from './insider.js'
import { Lookout } from './lookout.js'
import { download, type Flow, Held, upload } from './rates.js'

/*
 * What runs at a subscriber's home: a process in their namespace. It does as it is asked and judges nothing.
 */

let lookout: Lookout | undefined
const held = new Map<Family, Held>()

const verbs = {
  attempts,
  download,
  upload,
  /** Tries the web site from now on and tells what it sees. */
  lookOut: () => void (lookout ??= new Lookout(tell)),
  tally: () => lookout?.tally() ?? { attempts: 0, said: {}, longestMs: 0 },
  /** Begins a download that goes on; the one before ends. */
  async hold(family: Family, flow: Flow) {
    held.get(family)?.close()
    held.set(family, await Held.open(family, flow))
  },
  letGo: () => held.forEach(each => each.close()),
  heldEnds: (family: Family) => holding(family).ends(),
  heldExceeds: (family: Family, rate: number) => holding(family).exceeds(rate)
}
export type HomeVerbs = typeof verbs

function holding(family: Family): Held {
  const found = held.get(family)
  if (found === undefined) throw new Error(`nothing is downloaded over IPv${family}`)
  return found
}

answerWith(verbs)
