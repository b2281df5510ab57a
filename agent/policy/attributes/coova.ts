import { standard } from './standard.js'
import { bits32, kilobits, type Vocabulary } from './vocabulary.js'

/**
 * CoovaChilli hotspots: kbit/s in ChilliSpot's attributes, bit/s in WISPr's. A login that is refused stays at the
 * portal, which is the walled garden of a hotspot: there is nothing to accept it with.
 */
export const coova: Vocabulary = {
  ...standard,
  service: [...standard.service, 'ChilliSpot-Bandwidth-Max-Up', 'ChilliSpot-Bandwidth-Max-Down'],
  rate: ({ up, down }) => [
    ...(up === undefined
      ? []
      : ([
          ['ChilliSpot-Bandwidth-Max-Up', kilobits(up)],
          ['WISPr-Bandwidth-Max-Up', bits32(up)]
        ] as const)),
    ...(down === undefined
      ? []
      : ([
          ['ChilliSpot-Bandwidth-Max-Down', kilobits(down)],
          ['WISPr-Bandwidth-Max-Down', bits32(down)]
        ] as const))
  ],
  walled: () => [],
  // Older boxes read these 32 bits alone: with Gigawords beside them, 4 GiB and one octet would be one octet to them.
  // So more is never said; the session ends at 4 GiB, and the next login is told the rest.
  volume: octets => [['ChilliSpot-Max-Total-Octets', Math.min(octets, 0xffffffff)]]
}
