/** Why somebody may not connect, in a sentence for the technician who asks. */
export const rejections = {
  UNKNOWN_SUBSCRIBER: 'No subscriber has this user name. Compare it with billing, letter by letter.',
  WRONG_CREDENTIAL: 'The password does not fit. Set it anew on the device or in billing.',
  NO_CREDENTIAL: 'Billing gave this subscriber no credential that this way of logging on could check.',
  UNSUPPORTED_METHOD: 'The NAS asked in a way that is not spoken here. Switch it to PAP or CHAP.',
  MALFORMED_CREDENTIAL: 'The password attribute has a size that no password can have. Look at the NAS and its secret.',
  CLOSED: 'The subscription is closed.',
  SUSPENDED: 'The subscription is suspended.',
  EXPIRED: 'The subscription has run out.',
  WRONG_NAS: 'The subscription is bound to another NAS.',
  WRONG_MAC: 'The subscription is bound to other devices: this MAC address is not among them.',
  WRONG_CIRCUIT: 'The subscription is bound to another line (circuit or remote id).',
  WRONG_VLAN: 'The subscription is bound to another VLAN.',
  TOO_MANY_SESSIONS: 'The subscription is in use as often as it may be. End the other session, or wait until it ends.'
} as const

/** Code of a reject; stable, billing and the API name it. */
export type RejectCode = keyof typeof rejections
