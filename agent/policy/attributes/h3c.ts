import { standard } from './standard.js'
import { bits32, firstTwo, type Vocabulary } from './vocabulary.js'

/** H3C. As Huawei, under its own vendor id: bit/s, 32 bits wide, Input is the upload. No walled garden but a pool. */
export const h3c: Vocabulary = {
  ...standard,
  service: [
    ...standard.service,
    'H3C-Input-Peak-Rate',
    'H3C-Input-Average-Rate',
    'H3C-Output-Peak-Rate',
    'H3C-Output-Average-Rate'
  ],
  rate: ({ up, down, burst }) => [
    ...(up === undefined
      ? []
      : ([
          ['H3C-Input-Average-Rate', bits32(up)],
          ['H3C-Input-Peak-Rate', bits32(burst?.up ?? up)]
        ] as const)),
    ...(down === undefined
      ? []
      : ([
          ['H3C-Output-Average-Rate', bits32(down)],
          ['H3C-Output-Peak-Rate', bits32(burst?.down ?? down)]
        ] as const))
  ],
  walled: () => [],
  dns: ({ ipv4, ipv6 }) => [
    ...firstTwo('H3C-Client-Primary-DNS', 'H3C-Client-Secondary-DNS', ipv4),
    ...standard.dns({ ipv4: [], ipv6 })
  ]
}
