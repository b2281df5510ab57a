import { DriverError, type DriverErrorCode } from '../../agent/model/index.js'
import { RouterosError, trapCategories } from '../../protocols/routeros/index.js'

/** A `!trap` as the router words it. */
export interface Trap {
  readonly message: string
  readonly category?: string
}

interface Meaning {
  readonly words: RegExp
  readonly code: DriverErrorCode
  readonly remedy: string
}

const meanings: readonly Meaning[] = [
  {
    words: /invalid user name or password|cannot log ?in/i,
    code: 'AUTH',
    remedy: 'Compare user and password with /user on the router, and whether the user may log in from this address.'
  },
  {
    words: /not enough permissions|not permitted/i,
    code: 'AUTH',
    remedy:
      'Give the group of our user the policies api, read and write; to make users it also needs policy (docs/drivers/mikrotik.md).'
  },
  { words: /no such item/i, code: 'NO_SUCH_SESSION', remedy: 'It was removed meanwhile.' },
  {
    words: /no such command|unknown parameter|bad command/i,
    code: 'UNSUPPORTED',
    remedy: 'This version of RouterOS, or the packages on it, do not have that.'
  },
  { words: /interrupted/i, code: 'TIMEOUT', remedy: 'The router gave the command up; its load may tell why.' },
  {
    words: /already have/i,
    code: 'REJECTED',
    remedy: 'Something of that name or address is there that is not ours: look at it on the router.'
  }
]

const refused = { code: 'REJECTED', remedy: '' } as const

/**
 * A refusal of the router as an error. `deviceCode` is the category of the trap (4, general, where there is none).
 * @param hide  what must not be repeated, even if the router does: passwords
 */
export function trapError(command: string, { message, category }: Trap, hide: readonly string[] = []): DriverError {
  const said = hide.reduce((text, secret) => (secret === '' ? text : text.replaceAll(secret, '…')), message)
  const { code, remedy }: Pick<Meaning, 'code' | 'remedy'> =
    meanings.find(({ words }) => words.test(message)) ?? refused
  const kind = category === undefined ? undefined : trapCategories[category]
  const words = `The router refused ${command}: ${said}${kind === undefined ? '' : ` (${kind})`}. ${remedy}`.trim()
  const deviceCode = category !== undefined && /^\d$/.test(category) ? Number(category) : 4
  return new DriverError(code, words, { deviceCode, cause: new RouterTrap(said) })
}

/** The router's own words, behind a DriverError. */
class RouterTrap extends Error {}

/** Whether the router refused to add what is there already. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof DriverError && error.cause instanceof RouterTrap && /already have/i.test(error.cause.message)
}

/** Whether the router does not have the menu or command at all: a package that is not installed. */
export function isMissingMenu(error: unknown): boolean {
  return error instanceof DriverError && error.code === 'UNSUPPORTED' && error.deviceCode !== undefined
}

const banners: readonly (readonly [RegExp, string])[] = [
  [/^SSH-/, 'an SSH server'],
  [/^HTTP\//, 'a web server'],
  [/^220[ -]/, 'an FTP or mail server'],
  [/^\xff[\xfb-\xfe]/, 'a Telnet server']
]

/** Who speaks there instead of a router. What was said is not repeated: it may be what we sent. */
export function notRouteros(head: Buffer): DriverError {
  const text = head.toString('latin1')
  const [, who] = isTls(head) ? [head, 'TLS: use transport "tls"'] : (banners.find(([is]) => is.test(text)) ?? [])
  return new DriverError(
    'PROTOCOL',
    `What answers there does not speak the RouterOS API${who === undefined ? '' : ` (it looks like ${who})`}. Check address and port: 8729 with TLS, 8728 without.`
  )
}

// An alert or a handshake of TLS begins so. RFC 8446 §5.1
function isTls([type, major]: Buffer): boolean {
  return (type === 0x15 || type === 0x16) && major === 3
}

/** A stream that has lost its meaning. */
export function protocolError(cause: unknown): DriverError {
  const words = cause instanceof RouterosError ? cause.message : 'The router sent what its protocol does not know.'
  return new DriverError('PROTOCOL', words, { cause })
}

const refusals: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens on that port: enable the service (/ip service enable api-ssl).',
  ECONNRESET: 'The router broke the connection: is our address allowed in /ip service, and is the port right?',
  ENOTFOUND: 'The name is not in the DNS.',
  EHOSTUNREACH: 'There is no route to it, or it is off.',
  ENETUNREACH: 'There is no route to it.'
}

/** A failure of the path to the router, by the system's code. */
export function pathError(error: NodeJS.ErrnoException): DriverError {
  const code = error.code ?? ''
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return new DriverError('PROTOCOL', 'No TLS is spoken on that port. Is it 8729 (api-ssl)?', { cause: error })
  if (/HANDSHAKE_FAILURE|NO_CIPHER|ALERT/.test(code)) {
    return new DriverError(
      'PROTOCOL',
      'The router offers no cipher with a certificate. Give api-ssl a certificate (docs/drivers/mikrotik.md), or allow transport "anonymous".',
      { cause: error }
    )
  }
  const remedy = refusals[code] ?? 'The connection failed.'
  return new DriverError('UNREACHABLE', code === '' ? remedy : `${remedy} (${code})`, { cause: error })
}

/** The caller's time is over. */
export function givenUp(doing: string): DriverError {
  return new DriverError('TIMEOUT', `${doing} was given up before the router answered.`)
}
