/** Why octets are not the RouterOS API's, and what an engineer should do. */
export const routerosErrors = {
  ROS_RESERVED:
    'A length begins with a reserved control octet (0xF1–0xFF). The other side does not speak the RouterOS API: check the port (8728, 8729 with TLS).',
  ROS_TOO_LONG:
    'A word or sentence is longer than the limit. The answer was given up so that memory stays bounded; ask for less.',
  ROS_BAD_CHALLENGE: 'The login challenge is not hexadecimal. Is this a MikroTik router?'
} as const

/** Octets that are refused. */
export class RouterosError extends Error {
  readonly code: keyof typeof routerosErrors

  constructor(code: keyof typeof routerosErrors, detail = '') {
    super(detail === '' ? routerosErrors[code] : `${routerosErrors[code]} (${detail})`)
    this.name = 'RouterosError'
    this.code = code
  }
}
