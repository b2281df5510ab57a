/** What can go wrong in the RADIUS client of the sandbox, and what to do next. */
export const nasErrors = {
  NAS_NO_ANSWER:
    'The server did not answer. Is it running, is the port right, does it know this source address, and is the shared secret the same on both sides? A server discards silently what it cannot verify.',
  NAS_BAD_ANSWER:
    'Answers came, but none could be verified: the shared secret differs, or something else answers on that port.',
  NAS_BUSY: 'Too many requests are waiting for an answer. Ask for less at a time.',
  NAS_CLOSED: 'The client has been closed.',
  NAS_BAD_OPTION: 'The virtual NAS was given an option that it cannot use. The message says which.'
} as const

/** A failure of the sandbox's RADIUS client or virtual NAS. The message never holds a secret or password. */
export class NasError extends Error {
  readonly code: keyof typeof nasErrors

  constructor(code: keyof typeof nasErrors, message: string) {
    super(message)
    this.name = 'NasError'
    this.code = code
  }
}
