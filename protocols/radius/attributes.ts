/** Numbers of the IETF attributes that code reads or writes. Names and values of all others: the dictionary. */
export const Attr = {
  UserName: 1,
  UserPassword: 2,
  ChapPassword: 3,
  NasIpAddress: 4,
  NasPort: 5,
  ServiceType: 6,
  FramedProtocol: 7,
  FramedIpAddress: 8,
  FramedIpNetmask: 9,
  FilterId: 11,
  FramedMtu: 12,
  ReplyMessage: 18,
  FramedRoute: 22,
  State: 24,
  Class: 25,
  VendorSpecific: 26,
  SessionTimeout: 27,
  IdleTimeout: 28,
  TerminationAction: 29,
  CalledStationId: 30,
  CallingStationId: 31,
  NasIdentifier: 32,
  ProxyState: 33,
  AcctStatusType: 40,
  AcctDelayTime: 41,
  AcctInputOctets: 42,
  AcctOutputOctets: 43,
  AcctSessionId: 44,
  AcctAuthentic: 45,
  AcctSessionTime: 46,
  AcctInputPackets: 47,
  AcctOutputPackets: 48,
  AcctTerminateCause: 49,
  AcctMultiSessionId: 50,
  AcctLinkCount: 51,
  AcctInputGigawords: 52,
  AcctOutputGigawords: 53,
  EventTimestamp: 55,
  ChapChallenge: 60,
  NasPortType: 61,
  PortLimit: 62,
  TunnelType: 64,
  TunnelMediumType: 65,
  TunnelPassword: 69,
  ConnectInfo: 77,
  EapMessage: 79,
  MessageAuthenticator: 80,
  TunnelPrivateGroupId: 81,
  AcctInterimInterval: 85,
  NasPortId: 87,
  FramedPool: 88,
  ChargeableUserIdentity: 89,
  NasIpv6Address: 95,
  FramedInterfaceId: 96,
  FramedIpv6Prefix: 97,
  FramedIpv6Pool: 100,
  ErrorCause: 101,
  EapKeyName: 102,
  DelegatedIpv6Prefix: 123,
  FramedIpv6Address: 168,
  DnsServerIpv6Address: 169,
  DelegatedIpv6PrefixPool: 171,
  StatefulIpv6AddressPool: 172
} as const

/** Values of Acct-Status-Type. RFC 2866 §5.1. */
export const AcctStatusType = {
  Start: 1,
  Stop: 2,
  InterimUpdate: 3,
  AccountingOn: 7,
  AccountingOff: 8,
  Failed: 15
} as const

/** Values of Service-Type that decisions look at. RFC 2865 §5.6, RFC 5176 §3.2. */
export const ServiceType = {
  Login: 1,
  Framed: 2,
  AuthenticateOnly: 8,
  CallCheck: 10,
  AuthorizeOnly: 17
} as const

/** Values of Acct-Terminate-Cause that decisions look at. RFC 2866 §5.10. */
export const AcctTerminateCause = {
  UserRequest: 1,
  LostCarrier: 2,
  IdleTimeout: 4,
  SessionTimeout: 5,
  AdminReset: 6,
  NasReboot: 11
} as const

/** Vendors (IANA enterprise numbers) whose attributes code reads or writes. */
export const Vendor = {
  Cisco: 9,
  Microsoft: 311,
  Huawei: 2011,
  Zte: 3902,
  Juniper: 4874,
  Nokia: 6527,
  Wispr: 14122,
  ChilliSpot: 14559,
  Mikrotik: 14988,
  H3c: 25506
} as const

/** Values of Error-Cause with their meaning. RFC 5176 §3.5. */
export const errorCauses: ReadonlyMap<number, string> = new Map([
  [201, 'Residual session context removed'],
  [202, 'Invalid EAP packet (ignored)'],
  [401, 'Unsupported attribute'],
  [402, 'Missing attribute'],
  [403, 'NAS identification mismatch'],
  [404, 'Invalid request'],
  [405, 'Unsupported service'],
  [406, 'Unsupported extension'],
  [407, 'Invalid attribute value'],
  [501, 'Administratively prohibited'],
  [502, 'Request not routable (proxy)'],
  [503, 'Session context not found'],
  [504, 'Session context not removable'],
  [505, 'Other proxy processing error'],
  [506, 'Resources unavailable'],
  [507, 'Request initiated'],
  [508, 'Multiple session selection unsupported'],
  [509, 'Location information required'],
  [601, 'Response too big']
])
