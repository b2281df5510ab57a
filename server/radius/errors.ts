/** Why the RADIUS server could not start listening, and what an engineer should do next. */
export const radiusServerErrors = {
  RADIUS_PORT_IN_USE:
    'Another program listens on this address and port, usually another RADIUS server. See which (ss -ulpn), and stop it or configure another port',
  RADIUS_PORT_DENIED:
    'Listening on a port below 1024 is not allowed to this user. Configure a higher port, or start by the systemd unit',
  RADIUS_ADDRESS_NOT_HERE:
    'This machine does not have the address. Compare the configuration with the addresses shown by: ip address',
  RADIUS_LISTEN_FAILED: 'The socket could not be opened: see the cause',
  RADIUS_SOCKETS_LOST:
    'The thread that holds the RADIUS sockets has ended, so the agent ends too, and systemd starts it again. It is a mistake of the program: report it with the cause',
  RADIUS_CLOSED: 'The RADIUS server has been closed, usually because the agent is stopping'
} as const

export type RadiusServerErrorCode = keyof typeof radiusServerErrors

/**
 * What the RADIUS server fails at while it starts. Once it listens it throws nothing, it counts and logs: but for the loss
 * of its sockets, which ends the process.
 */
export class RadiusServerError extends Error {
  override readonly name = 'RadiusServerError'

  /** @param detail  the address, put behind the table's words */
  constructor(
    readonly code: RadiusServerErrorCode,
    detail?: string,
    options?: ErrorOptions
  ) {
    super(detail === undefined ? radiusServerErrors[code] : `${radiusServerErrors[code]} (${detail})`, options)
  }
}

/** The error of a socket that could not be bound to `where`. */
export function listenError(error: NodeJS.ErrnoException, where: string): RadiusServerError {
  const codes: Readonly<Record<string, RadiusServerErrorCode>> = {
    EADDRINUSE: 'RADIUS_PORT_IN_USE',
    EACCES: 'RADIUS_PORT_DENIED',
    EADDRNOTAVAIL: 'RADIUS_ADDRESS_NOT_HERE'
  }
  return new RadiusServerError(codes[error.code ?? ''] ?? 'RADIUS_LISTEN_FAILED', where, { cause: error })
}
