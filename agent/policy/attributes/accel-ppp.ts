import { standard } from './standard.js'
import { kilobits, type Vocabulary } from './vocabulary.js'

/**
 * accel-ppp. Filter-Id is the rate, `down/up` in plain kbit/s: a suffix G is multiplied ten times too much there.
 * 0 is unlimited. Its redirect needs an attribute that its own configuration names, so the walled garden is a pool.
 */
export const accelPpp: Vocabulary = {
  ...standard,
  rate: ({ up, down }) => [
    ['Filter-Id', `${down === undefined ? 0 : kilobits(down)}/${up === undefined ? 0 : kilobits(up)}`]
  ],
  walled: () => [],
  filter: () => []
}
