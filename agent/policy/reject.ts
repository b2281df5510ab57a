/** Why somebody may not connect, in a sentence for the technician who asks. */
export const rejections = {
  UNKNOWN_SUBSCRIBER: 'No subscriber has this user name. Compare it with billing, letter by letter.',
  WRONG_CREDENTIAL: 'The password does not fit. Set it anew on the device or in billing.',
  NO_CREDENTIAL: 'Billing gave this subscriber no credential that this way of logging on could check.',
  UNSUPPORTED_METHOD:
    'The NAS asked in a way that is not spoken here. Switch it to PAP, CHAP or MS-CHAP; EAP is spoken where it is configured.',
  MALFORMED_CREDENTIAL: 'The password attribute has a size that no password can have. Look at the NAS and its secret.',
  BUSY: 'More passwords wait to be checked than may wait. The device tries again by itself.',
  EAP_MALFORMED: 'The device sent EAP that cannot be read. Look at the device, and at the NAS that passes it on.',
  EAP_UNKNOWN_CONVERSATION:
    'The device goes on with an EAP conversation that has ended or took longer than 30 seconds. It starts anew by itself.',
  EAP_NO_COMMON_METHOD:
    'The device and this server have no EAP method in common. Choose another on the device, or allow its method here.',
  EAP_METHOD_NOT_ALLOWED:
    'Billing allows this subscriber other EAP methods only (eapMethods of the subscriber or the profile). Choose one of them on the device, or have billing allow this one.',
  EAP_TOO_LONG:
    'The EAP conversation exceeds what is allowed in octets or rounds. Look for a client certificate of unusual size.',
  EAP_TLS_FAILED: 'TLS inside EAP failed: the device speaks another version, or sends what is not TLS.',
  EAP_CERTIFICATE_REFUSED:
    "The device does not trust this server's certificate. Install the CA on the device, and compare the server name that it expects.",
  EAP_NO_CERTIFICATE: 'The device logs on by EAP-TLS and shows no certificate. Install one on it.',
  EAP_CERTIFICATE_EXPIRED: "The device's certificate has run out, or is not valid yet. Renew it; compare the clocks.",
  EAP_CERTIFICATE_UNTRUSTED:
    "The device's certificate does not lead to a CA that is configured here. Look for a missing intermediate certificate.",
  EAP_CERTIFICATE_REVOKED:
    "The device's certificate was revoked by its CA. Issue another one if the device is to get on again.",
  EAP_CERTIFICATE_PATH:
    "The certificates between the device's and the CA cannot be followed, so it is not known whether one of them was revoked. Append the intermediate certificates to the file `ca`; look at what else the device sends: it may be made up to hide one.",
  EAP_REVOCATION_UNKNOWN:
    'The list of revoked certificates could not be read since the agent started, so no certificate is taken. `turnpike status` says what to do.',
  EAP_INNER_METHOD:
    'The device asks inside the tunnel in a way that is not spoken here. Choose PAP or MSCHAPv2 as its inner method.',
  EAP_CRYPTO_BINDING:
    'The device cannot prove that it is the same inside and outside of the PEAP tunnel. Somebody may stand between it and this server: look which server certificate the device trusts.',
  EAP_RESUMPTION:
    'The device resumes a session that is no longer known or whose credential was changed. It starts anew.',
  EAP_ABANDONED:
    "The device stopped answering in the middle of logging on. Most often it does not trust this server's certificate and says nothing, or waits for its user: install the CA on the device, and compare the server name that it expects.",
  CLOSED: 'The subscription is closed.',
  SUSPENDED: 'The subscription is suspended.',
  EXPIRED: 'The subscription has run out.',
  WRONG_NAS: 'The subscription is bound to another NAS.',
  WRONG_MAC: 'The subscription is bound to other devices: this MAC address is not among them.',
  WRONG_CIRCUIT: 'The subscription is bound to another line (circuit or remote id).',
  WRONG_VLAN: 'The subscription is bound to another VLAN.',
  OUTSIDE_HOURS: 'The subscription may not be used at this time of the week.',
  QUOTA_EXHAUSTED: 'The quota is used up, and this NAS can neither slow the subscriber down nor fence them.',
  POOL_EXHAUSTED:
    'The address pool has no free address. Give it more ranges (pools: in the configuration), or shorten its quarantine.',
  PARTNER_REJECTED: 'The partner to whom this realm belongs refused. Ask the partner: it knows why.',
  PARTNER_DOWN:
    'No server of the partner to whom this realm belongs answers. Look at the way there, and call the partner.',
  TOO_MANY_SESSIONS: 'The subscription is in use as often as it may be. End the other session, or wait until it ends.'
} as const

/** Code of a reject; stable, billing and the API name it. */
export type RejectCode = keyof typeof rejections

const WRONG_NAME = 'Wrong user name or password.'

/** What the subscriber may read (Reply-Message), where that is switched on: it tells no stranger which names exist. */
const replies: Partial<Record<RejectCode, string>> = {
  CLOSED: 'Your subscription is closed.',
  SUSPENDED: 'Your subscription is suspended. Please contact your provider.',
  EXPIRED: 'Your subscription has run out.',
  QUOTA_EXHAUSTED: 'Your data volume is used up.',
  OUTSIDE_HOURS: 'Your subscription may not be used at this time.',
  TOO_MANY_SESSIONS: 'Your subscription is in use already.',
  WRONG_MAC: 'This device is not registered for your subscription.',
  WRONG_NAS: 'Your subscription does not apply at this place.',
  WRONG_CIRCUIT: 'Your subscription does not apply to this line.',
  WRONG_VLAN: 'Your subscription does not apply to this line.',
  POOL_EXHAUSTED: 'No address is free. Please try again later.'
}

/** The text of Reply-Message for a reject. RFC 2865 §5.18 */
export function replyMessage(code: RejectCode): string {
  return replies[code] ?? WRONG_NAME
}
