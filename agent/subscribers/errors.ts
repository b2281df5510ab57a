/** What each code means, and what an engineer should do next. */
export const subscribersErrors = {
  SUBSCRIBERS_UNKNOWN_COMMAND:
    'A command was completed that billing never requested here. This is a mistake in the program: report it.',
  SUBSCRIBERS_NOTHING_HELD:
    'There is no held snapshot to confirm: it was confirmed before, or a later one was in order and has been applied. turnpike status shows what is held.',
  SUBSCRIBERS_DUPLICATE_DOCUMENT:
    'A snapshot names the same document twice. Nothing of it was applied; billing has to send each document once.',
  SUBSCRIBERS_SEAL_KEY:
    'The documents on disk are sealed with a key that is not here. Nothing was changed. Put the key back: sealing.key in the configuration names it, without that it is the file seal.key in the data directory; one that was replaced belongs under sealing.previous. Only if it is lost for good set sealing.discardUnreadable: true for one start: billing then sends all documents again.'
} as const
export type SubscribersErrorCode = keyof typeof subscribersErrors

/** What the replica or the commands refuse. Nothing was changed. */
export class SubscribersError extends Error {
  readonly code: SubscribersErrorCode

  /** @param detail what happened in this case, put behind the table's words */
  constructor(code: SubscribersErrorCode, detail: string) {
    super(`${subscribersErrors[code]} (${detail})`)
    this.name = 'SubscribersError'
    this.code = code
  }
}
