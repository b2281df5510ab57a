import { standard } from './standard.js'
import { bits32, firstTwo, type Vocabulary } from './vocabulary.js'

/**
 * Huawei ME60, NE40. Rates in bit/s, 32 bits wide; Input is the subscriber's upload.
 * The walled garden is a user group of the filter's name, whose ACL fences; the redirect alone fences nothing.
 */
export const huawei: Vocabulary = {
  ...standard,
  service: [
    ...standard.service,
    'Huawei-Input-Average-Rate',
    'Huawei-Input-Peak-Rate',
    'Huawei-Output-Average-Rate',
    'Huawei-Output-Peak-Rate',
    'Huawei-Qos-Profile-Name',
    'Huawei-User-Group-Name',
    'Huawei-Policy-Name',
    'Huawei-HTTP-Redirect-URL'
  ],
  rate: ({ up, down, burst }) => [
    ...(up === undefined
      ? []
      : ([
          ['Huawei-Input-Average-Rate', bits32(up)],
          ['Huawei-Input-Peak-Rate', bits32(burst?.up ?? up)]
        ] as const)),
    ...(down === undefined
      ? []
      : ([
          ['Huawei-Output-Average-Rate', bits32(down)],
          ['Huawei-Output-Peak-Rate', bits32(burst?.down ?? down)]
        ] as const))
  ],
  walled: ({ filter, redirectUrl }) =>
    filter === undefined
      ? []
      : [
          ['Huawei-User-Group-Name', filter],
          ...(redirectUrl === undefined ? [] : [['Huawei-HTTP-Redirect-URL', redirectUrl] as const])
        ],
  ipv6Pool: name => [['Huawei-Delegated-IPv6-Prefix-Pool', name]],
  dns: ({ ipv4, ipv6 }) => [
    ...firstTwo('Huawei-Client-Primary-DNS', 'Huawei-Client-Secondary-DNS', ipv4),
    ...standard.dns({ ipv4: [], ipv6 })
  ]
}
