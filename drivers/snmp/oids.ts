/*
 * What is asked of a device, by object identifier. Scalars carry their `.0`; columns of a table do not carry an index.
 */

/** RFC 3418, and RFC 2790 for the uptime of the box itself. */
export const system = {
  descr: '1.3.6.1.2.1.1.1.0',
  objectId: '1.3.6.1.2.1.1.2.0',
  upTime: '1.3.6.1.2.1.1.3.0',
  name: '1.3.6.1.2.1.1.5.0',
  /** hrSystemUptime: of the host, where sysUpTime is that of its SNMP program. */
  hostUpTime: '1.3.6.1.2.1.25.1.1.0'
} as const

/** ifTable and ifXTable. RFC 2863 §6 */
export const columns = {
  descr: '1.3.6.1.2.1.2.2.1.2',
  type: '1.3.6.1.2.1.2.2.1.3',
  adminStatus: '1.3.6.1.2.1.2.2.1.7',
  operStatus: '1.3.6.1.2.1.2.2.1.8',
  inOctets: '1.3.6.1.2.1.2.2.1.10',
  inDiscards: '1.3.6.1.2.1.2.2.1.13',
  inErrors: '1.3.6.1.2.1.2.2.1.14',
  outOctets: '1.3.6.1.2.1.2.2.1.16',
  outDiscards: '1.3.6.1.2.1.2.2.1.19',
  outErrors: '1.3.6.1.2.1.2.2.1.20',
  name: '1.3.6.1.2.1.31.1.1.1.1',
  hcInOctets: '1.3.6.1.2.1.31.1.1.1.6',
  hcOutOctets: '1.3.6.1.2.1.31.1.1.1.10',
  highSpeed: '1.3.6.1.2.1.31.1.1.1.15',
  alias: '1.3.6.1.2.1.31.1.1.1.18'
} as const

/** The bridge: which MAC addresses are behind which port, and who is tagged. RFC 4188 §4, RFC 4363 §5 */
export const bridge = {
  portIfIndex: '1.3.6.1.2.1.17.1.4.1.2',
  fdbPort: '1.3.6.1.2.1.17.4.3.1.2',
  vlanFdbPort: '1.3.6.1.2.1.17.7.1.2.2.1.2',
  vlanEgress: '1.3.6.1.2.1.17.7.1.4.2.1.4',
  vlanUntagged: '1.3.6.1.2.1.17.7.1.4.2.1.5'
} as const

/** LLDP. IEEE 802.1AB §11 */
export const lldp = {
  localPortId: '1.0.8802.1.1.2.1.3.7.1.3',
  remoteName: '1.0.8802.1.1.2.1.4.1.1.9',
  remoteCapabilities: '1.0.8802.1.1.2.1.4.1.1.12'
} as const
