/** Exit statuses of the command. */
export const exit = {
  ok: 0,
  /** What was asked for is not so, or was refused. */
  no: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** The agent does not run, or may not be asked. */
  absent: 3
} as const

/** What the command itself reports, and what to do. */
export const cliErrors = {
  CLI_NOT_RUNNING:
    'No agent listens on the socket. Start it (systemctl start turnpike), or name the socket of another by --socket.',
  CLI_NOT_ALLOWED:
    'Only the user and the group of the agent may talk to it. Use sudo, or join the group: usermod -aG turnpike USER.',
  CLI_REFUSED: 'The agent refused; the message says why.',
  CLI_USAGE: 'The command line is not understood. Every command explains itself with --help.',
  CLI_NO_REPLY:
    'The RADIUS server did not answer. It silently discards unknown NASes and requests signed with another secret.',
  CLI_BAD_REPLY: 'The answer is not signed with the shared secret that was given. Compare the secret on both sides.',
  CLI_FILE: 'A file cannot be read or written; the message says which and why.'
} as const
export type CliErrorCode = keyof typeof cliErrors

const statuses: Partial<Record<CliErrorCode, number>> = {
  CLI_NOT_RUNNING: exit.absent,
  CLI_NOT_ALLOWED: exit.absent,
  CLI_USAGE: exit.usage,
  CLI_FILE: exit.usage
}

/** A failure that the command tells in one sentence. */
export class CliError extends Error {
  readonly code: CliErrorCode

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CliError'
    this.code = code
  }

  /** The exit status that goes with it. */
  get status(): number {
    return statuses[this.code] ?? exit.no
  }
}
