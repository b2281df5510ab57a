import type { Vendor } from '../agent/model/index.js'

/** What the lines for a box are made of. */
export interface Peer {
  /** The address at which the box reaches Turnpike. */
  readonly server: string
  readonly authPort: number
  readonly acctPort: number
  readonly coaPort: number
  readonly secret: string
}

type Write = (peer: Peer) => readonly string[]

const plain: Write = ({ server, authPort, acctPort, coaPort, secret }) => [
  `RADIUS server         ${server}`,
  `authentication port   ${authPort}`,
  `accounting port       ${acctPort}, with an interim interval of 300 seconds`,
  `CoA/Disconnect port   ${coaPort}, accepted from ${server}`,
  `shared secret         ${secret}`
]

const mikrotik: Write = ({ server, authPort, acctPort, coaPort, secret }) => [
  `/radius add service=ppp,hotspot,dhcp address=${server} authentication-port=${authPort} accounting-port=${acctPort} timeout=1100ms secret="${secret}"`,
  `/radius incoming set accept=yes port=${coaPort}`,
  '/ppp aaa set use-radius=yes accounting=yes interim-update=5m'
]

const cisco: Write = ({ server, authPort, acctPort, coaPort, secret }) => [
  'aaa new-model',
  'radius server turnpike',
  ` address ipv4 ${server} auth-port ${authPort} acct-port ${acctPort}`,
  ` key ${secret}`,
  'aaa group server radius TURNPIKE',
  ' server name turnpike',
  'aaa authentication ppp default group TURNPIKE',
  'aaa authorization network default group TURNPIKE',
  'aaa accounting network default start-stop group TURNPIKE',
  'aaa accounting update newinfo periodic 5',
  'aaa server radius dynamic-author',
  ` client ${server} server-key ${secret}`,
  ` port ${coaPort}`
]

const juniper: Write = ({ server, authPort, acctPort, secret }) => [
  `set access radius-server ${server} port ${authPort} accounting-port ${acctPort} secret "${secret}"`,
  `set access profile turnpike authentication-order radius`,
  `set access profile turnpike radius authentication-server ${server} accounting-server ${server}`,
  'set access profile turnpike accounting order radius',
  'set access profile turnpike accounting update-interval 10'
]

const huawei: Write = ({ server, authPort, acctPort, secret }) => [
  'radius-server group turnpike',
  ` radius-server authentication ${server} ${authPort}`,
  ` radius-server accounting ${server} ${acctPort}`,
  ` radius-server shared-key-cipher ${secret}`,
  'quit',
  `radius-server authorization ${server} shared-key-cipher ${secret}`
]

const h3c: Write = ({ server, authPort, acctPort, secret }) => [
  'radius scheme turnpike',
  ` primary authentication ${server} ${authPort}`,
  ` primary accounting ${server} ${acctPort}`,
  ` key authentication simple ${secret}`,
  ` key accounting simple ${secret}`,
  'quit',
  'radius dynamic-author server',
  ` client ip ${server} key simple ${secret}`
]

const accelPpp: Write = ({ server, authPort, acctPort, coaPort, secret }) => [
  '[radius]',
  `server=${server},${secret},auth-port=${authPort},acct-port=${acctPort},req-limit=0,fail-time=0`,
  `dae-server=0.0.0.0:${coaPort},${secret}`,
  'acct-interim-interval=300'
]

const coova: Write = ({ server, authPort, acctPort, coaPort, secret }) => [
  `HS_RADIUS=${server}`,
  `HS_RADSECRET=${secret}`,
  `HS_RADAUTH=${authPort}`,
  `HS_RADACCT=${acctPort}`,
  `HS_COAPORT=${coaPort}`
]

const boxes: Readonly<Record<Vendor, Write>> = {
  standard: plain,
  mikrotik,
  cisco,
  juniper,
  huawei,
  h3c,
  zte: plain,
  'accel-ppp': accelPpp,
  coova,
  nokia: plain
}

/** The vendors that there are instructions for: all. */
export const vendors = Object.keys(boxes)

/** Where each vendor listens for CoA unless it is told otherwise. */
const usualCoaPorts: Partial<Record<Vendor, number>> = { cisco: 1700, zte: 1700 }

/** The port for CoA and Disconnect that a vendor's boxes use unless told otherwise. RFC 5176 §2.1 assigns 3799. */
export function usualCoaPort(vendor: Vendor): number {
  return usualCoaPorts[vendor] ?? 3799
}

/** What an engineer types on the box, line by line. Versions differ: it is where to begin, not a whole configuration. */
export function instructions(vendor: Vendor, peer: Peer): readonly string[] {
  return boxes[vendor](peer)
}
