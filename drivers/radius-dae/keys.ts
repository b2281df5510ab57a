import type { SessionRef, Vendor } from '../../agent/model/index.js'

/*
 * What each make of NAS wants to hear: which attributes find the session, what a CoA can change, on which port.
 * One row a vendor; a box that differs is told so in its configuration (`dialect` of the driver's options).
 */

/** Attributes that can name a session. `Cisco-Account-Info` is Cisco ISG's `S` and the address. */
export type KeyName =
  | 'User-Name'
  | 'NAS-IP-Address'
  | 'NAS-Port'
  | 'Framed-IP-Address'
  | 'Calling-Station-Id'
  | 'Acct-Session-Id'
  | 'Cisco-Account-Info'

/** How one make of NAS takes RFC 5176. */
export interface Dialect {
  /** UDP ports in the order to try; the one that answers is remembered. */
  readonly ports: readonly number[]
  /** Sent where the session has them. */
  readonly keys: readonly KeyName[]
  /** Without one of these the box cannot find the session, or might take another. */
  readonly needs: readonly KeyName[]
  /** Attributes that CoA can change on an open session, by dictionary name. */
  readonly changes: readonly string[]
  /** Put into a Disconnect-Request beside the keys. */
  readonly disconnectExtra?: readonly { readonly name: string; readonly value: string }[]
  /** `coa` where the box ends a session by a CoA-Request instead of a Disconnect-Request. */
  readonly disconnectBy?: 'coa'
  /** True where a second request for a session in flight is dropped silently. */
  readonly oneAtATime?: boolean
  /** Whether requests carry Event-Timestamp (replay protection, RFC 5176 §6.3). */
  readonly eventTimestamp: boolean
  /** Whether requests carry Message-Authenticator (RFC 5176 §3.4). */
  readonly messageAuthenticator: boolean
}

const timeouts = ['Session-Timeout', 'Idle-Timeout']
const wispr = ['WISPr-Bandwidth-Max-Up', 'WISPr-Bandwidth-Max-Down']
const signed = { eventTimestamp: true, messageAuthenticator: true } as const

/** Names of the rows: every vendor, and boxes of a vendor that differ from its others. */
export type DialectName = Vendor | 'cisco-isg'

/** The table. Sources: the vendors' manuals; RFC 5176 §3 for `standard`. */
export const dialects: Readonly<Record<DialectName, Dialect>> = {
  standard: {
    ports: [3799, 1700],
    keys: ['User-Name', 'Acct-Session-Id'],
    needs: ['Acct-Session-Id'],
    changes: ['Filter-Id', 'NAS-Filter-Rule', 'Acct-Interim-Interval', ...timeouts, ...wispr],
    ...signed
  },
  mikrotik: {
    ports: [3799, 1700],
    keys: ['User-Name', 'Framed-IP-Address', 'Acct-Session-Id', 'NAS-IP-Address'],
    needs: ['Acct-Session-Id'],
    changes: [
      'Mikrotik-Rate-Limit',
      'Mikrotik-Group',
      'Filter-Id',
      'Mikrotik-Mark-Id',
      'Ascend-Data-Rate',
      'Ascend-Xmit-Rate',
      'Mikrotik-Recv-Limit',
      'Mikrotik-Xmit-Limit',
      'Mikrotik-Recv-Limit-Gigawords',
      'Mikrotik-Xmit-Limit-Gigawords',
      'Mikrotik-Total-Limit',
      'Mikrotik-Total-Limit-Gigawords',
      'Mikrotik-Advertise-URL',
      'Mikrotik-Advertise-Interval',
      'Port-Limit',
      ...timeouts
    ],
    ...signed
  },
  cisco: {
    ports: [1700, 3799],
    keys: ['User-Name', 'Framed-IP-Address'],
    needs: ['User-Name'],
    changes: ['Cisco-AVPair', 'Filter-Id', ...timeouts],
    ...signed
  },
  'cisco-isg': {
    ports: [1700, 3799],
    keys: ['Cisco-Account-Info'],
    needs: ['Cisco-Account-Info'],
    changes: ['Cisco-AVPair', ...timeouts],
    disconnectExtra: [{ name: 'Cisco-AVPair', value: 'subscriber:command=account-logoff' }],
    disconnectBy: 'coa',
    ...signed
  },
  juniper: {
    ports: [3799, 1700],
    keys: ['Acct-Session-Id'],
    needs: ['Acct-Session-Id'],
    changes: [
      'ERX-Service-Activate',
      'ERX-Service-Deactivate',
      'ERX-Cos-Shaping-Rate',
      'ERX-Redirect-GW-Address',
      'ERX-Ingress-Policy-Name',
      'ERX-Egress-Policy-Name',
      'ERX-IPv6-Ingress-Policy-Name',
      'ERX-IPv6-Egress-Policy-Name',
      'Acct-Interim-Interval',
      ...timeouts
    ],
    ...signed
  },
  huawei: {
    ports: [3799, 1700],
    keys: ['Acct-Session-Id'],
    needs: ['Acct-Session-Id'],
    changes: [
      'Huawei-Input-Average-Rate',
      'Huawei-Input-Peak-Rate',
      'Huawei-Output-Average-Rate',
      'Huawei-Output-Peak-Rate',
      'Huawei-Input-Burst-Size',
      'Huawei-Output-Burst-Size',
      'Huawei-Qos-Profile-Name',
      'Huawei-HTTP-Redirect-URL',
      'Huawei-User-Group-Name',
      'Huawei-Policy-Name',
      'Filter-Id',
      ...timeouts
    ],
    ...signed
  },
  h3c: {
    ports: [3799, 1700],
    keys: ['User-Name', 'Acct-Session-Id'],
    needs: ['Acct-Session-Id'],
    changes: [
      'H3C-Input-Peak-Rate',
      'H3C-Input-Average-Rate',
      'H3C-Output-Peak-Rate',
      'H3C-Output-Average-Rate',
      'Filter-Id',
      ...timeouts
    ],
    ...signed
  },
  zte: {
    ports: [1700, 3799],
    keys: ['User-Name'],
    needs: ['User-Name'],
    changes: ['ZTE-Rate-Ctrl-SCR-Down', 'ZTE-Rate-Ctrl-SCR-Up', 'Filter-Id', ...timeouts],
    ...signed
  },
  'accel-ppp': {
    ports: [3799, 1700],
    keys: ['Acct-Session-Id'],
    needs: ['Acct-Session-Id'],
    changes: ['Filter-Id', 'Acct-Interim-Interval', ...timeouts],
    oneAtATime: true,
    ...signed
  },
  coova: {
    ports: [3799, 1700],
    keys: ['User-Name', 'Acct-Session-Id'],
    needs: ['Acct-Session-Id'],
    changes: [
      'ChilliSpot-Bandwidth-Max-Up',
      'ChilliSpot-Bandwidth-Max-Down',
      'ChilliSpot-Max-Input-Octets',
      'ChilliSpot-Max-Output-Octets',
      'ChilliSpot-Max-Total-Octets',
      'Acct-Interim-Interval',
      ...wispr,
      ...timeouts
    ],
    ...signed
  },
  nokia: {
    ports: [3799, 1700],
    keys: ['Acct-Session-Id'],
    needs: ['Acct-Session-Id'],
    changes: ['Alc-SLA-Prof-Str', 'Alc-Subsc-Prof-Str', 'Filter-Id', ...timeouts],
    ...signed
  }
}

const values: Readonly<Record<KeyName, (session: SessionRef) => string | number | undefined>> = {
  'User-Name': ({ userName }) => userName,
  'NAS-IP-Address': ({ nasIpv4 }) => nasIpv4,
  'NAS-Port': ({ nasPort }) => nasPort,
  'Framed-IP-Address': ({ framedIpv4 }) => framedIpv4,
  'Calling-Station-Id': ({ callingStation }) => callingStation,
  'Acct-Session-Id': ({ acctSessionId }) => acctSessionId,
  'Cisco-Account-Info': ({ framedIpv4 }) => framedIpv4 && `S${framedIpv4}`
}

/** The value of a key as this session has it; undefined when the session does not. */
export function keyValue(name: KeyName, session: SessionRef): string | number | undefined {
  const value = values[name](session)
  return value === '' ? undefined : value
}
