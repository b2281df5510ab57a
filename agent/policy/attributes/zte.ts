import { standard } from './standard.js'
import { bits32, type Vocabulary } from './vocabulary.js'

/** ZTE M6000. Sustained rates in bit/s as other RADIUS servers send them; not verified on a box. A pool is the garden. */
export const zte: Vocabulary = {
  ...standard,
  service: [...standard.service, 'ZTE-Rate-Ctrl-SCR-Down', 'ZTE-Rate-Ctrl-SCR-Up'],
  rate: ({ up, down }) => [
    ...(up === undefined ? [] : [['ZTE-Rate-Ctrl-SCR-Up', bits32(up)] as const]),
    ...(down === undefined ? [] : [['ZTE-Rate-Ctrl-SCR-Down', bits32(down)] as const])
  ],
  walled: () => []
}
