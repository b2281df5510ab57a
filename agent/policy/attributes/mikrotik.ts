import { standard } from './standard.js'
import { type Rate, type Vocabulary, withGigawords } from './vocabulary.js'

/**
 * MikroTik RouterOS, PPP and hotspot.
 * Rates are written `rx/tx` as the router sees them: rx is the subscriber's upload. k is 1000; 0 is unlimited.
 * An address in 127/8 or from 224 up means "take the profile's pool" to the router, so it is not sent as one.
 */
export const mikrotik: Vocabulary = {
  ...standard,
  service: [
    ...standard.service,
    'Mikrotik-Rate-Limit',
    'Mikrotik-Address-List',
    'Mikrotik-Group',
    'Mikrotik-Recv-Limit',
    'Mikrotik-Xmit-Limit',
    'Mikrotik-Total-Limit'
  ],
  rate: rate => [['Mikrotik-Rate-Limit', rateLimit(rate)]],
  walled: ({ addressList, filter }) => [
    ['Mikrotik-Address-List', addressList],
    ...(filter === undefined ? [] : [['Filter-Id', filter] as const])
  ],
  addressList: name => [['Mikrotik-Address-List', name]],
  address: ipv4 => (/^(127|22[4-9]|2[3-5]\d)\./.test(ipv4) ? [] : [['Framed-IP-Address', ipv4]]),
  ipv6Pool: name => [['Mikrotik-Delegated-IPv6-Pool', name]],
  volume: octets => withGigawords('Mikrotik-Total-Limit', 'Mikrotik-Total-Limit-Gigawords', octets)
}

// rx/tx burst-rx/burst-tx threshold-rx/threshold-tx time-rx/time-tx
function rateLimit({ up, down, burst }: Rate): string {
  const rates = `${short(up)}/${short(down)}`
  if (burst === undefined) return rates
  const { up: rx, down: tx, thresholdUp, thresholdDown, seconds } = burst
  return `${rates} ${short(rx)}/${short(tx)} ${short(thresholdUp)}/${short(thresholdDown)} ${seconds}/${seconds}`
}

function short(rate = 0): string {
  if (rate > 0 && rate % 1_000_000 === 0) return `${rate / 1_000_000}M`
  return rate > 0 && rate % 1000 === 0 ? `${rate / 1000}k` : String(rate)
}
