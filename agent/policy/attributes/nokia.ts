import { standard } from './standard.js'
import { firstTwo, type Vocabulary } from './vocabulary.js'

/** Nokia SR OS. Rates and the walled garden are SLA profiles that exist on the box, by the profile's or filter's name. */
export const nokia: Vocabulary = {
  ...standard,
  service: [...standard.service, 'Alc-SLA-Prof-Str', 'Alc-Subsc-Prof-Str'],
  policy: name => [['Alc-SLA-Prof-Str', name]],
  walled: ({ filter }) => (filter === undefined ? [] : [['Alc-SLA-Prof-Str', filter]]),
  dns: ({ ipv4, ipv6 }) => [
    ...firstTwo('Alc-Primary-Dns', 'Alc-Secondary-Dns', ipv4),
    ...firstTwo('Alc-Ipv6-Primary-Dns', 'Alc-Ipv6-Secondary-Dns', ipv6)
  ]
}
