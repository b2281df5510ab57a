import { Attr, Code, Vendor } from '../../../protocols/radius/index.js'
import type { Nas } from '../../../agent/model/index.js'
import type { Keep } from '../hidden.js'

/*
 * What a partner may tell our NAS. Routes and filters by text, and whatever is not here, stay outside: a partner says who
 * its subscriber is, not how our network is wired.
 */
const inAccept: ReadonlySet<number> = new Set([
  Attr.UserName,
  6, // Service-Type
  7, // Framed-Protocol
  8, // Framed-IP-Address
  9, // Framed-IP-Netmask
  11, // Filter-Id
  12, // Framed-MTU
  13, // Framed-Compression
  18, // Reply-Message
  24, // State
  25, // Class
  27, // Session-Timeout
  28, // Idle-Timeout
  29, // Termination-Action
  64, // Tunnel-Type
  65, // Tunnel-Medium-Type
  66, // Tunnel-Client-Endpoint
  67, // Tunnel-Server-Endpoint
  69, // Tunnel-Password
  79, // EAP-Message
  81, // Tunnel-Private-Group-ID
  82, // Tunnel-Assignment-ID
  85, // Acct-Interim-Interval
  88, // Framed-Pool
  89, // Chargeable-User-Identity
  96, // Framed-Interface-Id
  97, // Framed-IPv6-Prefix
  100, // Framed-IPv6-Pool
  102, // EAP-Key-Name
  123, // Delegated-IPv6-Prefix
  168, // Framed-IPv6-Address
  169 // DNS-Server-IPv6-Address
])
const inChallenge: ReadonlySet<number> = new Set([18, 24, 27, 28, 79])
const inReject: ReadonlySet<number> = new Set([18, 79, 101])

// MS-CHAP-Error, keys and policies, MS-CHAP2-Success, DNS servers; the rest is about networks of Windows.
const microsoft: ReadonlySet<number> = new Set([2, 7, 8, 12, 16, 17, 26, 28, 29])

/** Enterprise numbers whose attributes a make of NAS takes. Microsoft's keys are for all. */
const spoken: Readonly<Record<Nas['vendor'], readonly number[]>> = {
  standard: [],
  mikrotik: [Vendor.Mikrotik, Vendor.Wispr],
  cisco: [Vendor.Cisco],
  juniper: [Vendor.Juniper],
  huawei: [Vendor.Huawei],
  h3c: [Vendor.H3c, Vendor.Huawei],
  zte: [Vendor.Zte],
  'accel-ppp': [],
  coova: [Vendor.ChilliSpot, Vendor.Wispr],
  nokia: [Vendor.Nokia]
}

/** Which attributes of a partner's answer our NAS is given. @see RFC 2865 §5.44 for Challenge and Reject */
export function repliesKept(code: number, vendor: Nas['vendor']): Keep {
  const plain = code === Code.AccessAccept ? inAccept : code === Code.AccessChallenge ? inChallenge : inReject
  return (type, enterprise, vtype) => {
    if (type !== Attr.VendorSpecific) return plain.has(type)
    if (enterprise === Vendor.Microsoft) return microsoft.has(vtype)
    return code === Code.AccessAccept && spoken[vendor].includes(enterprise)
  }
}
