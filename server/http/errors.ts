/** What the local API refuses, and what to do about it. */
export const apiErrors = {
  API_UNKNOWN: {
    status: 404,
    remedy: 'Nothing has that id. Check the spelling; turnpike sessions lists what is there.'
  },
  API_BAD_REQUEST: {
    status: 400,
    remedy: 'The request does not fit the schema at /openapi.json. The message names the field.'
  },
  API_CONFLICT: {
    status: 409,
    remedy: 'The thing is not in a state in which this can be done. The message says which.'
  },
  API_TOO_MANY: { status: 429, remedy: 'Too many changes in a minute. Wait, then try again.' },
  API_UNAVAILABLE: {
    status: 503,
    remedy: 'The agent cannot do this now, most often because its disk is full. See turnpike status.'
  },
  API_PROVISIONING: {
    status: 422,
    remedy: 'Nothing was sent to the device; the answer says what to correct (see Provisioning below).'
  },
  API_DEVICE: {
    status: 502,
    remedy:
      'The device did not do it: the answer says why, what was taken back and what could not be (see Driving equipment below).'
  },
  API_FAILED: {
    status: 500,
    remedy: 'The agent failed at this; its log has the reason. journalctl -u turnpike shows it.'
  },
  API_SOCKET: {
    status: 500,
    remedy:
      'The socket of the local API cannot be opened: another agent has it, or its directory may not be written. See api.socket.'
  }
} as const
export type ApiErrorCode = keyof typeof apiErrors

/** A refusal of the local API. The message is shown to the caller and never holds a secret. */
export class ApiError extends Error {
  readonly code: ApiErrorCode
  /** What to do: the table's words, where nobody knows better. */
  readonly remedy: string

  constructor(code: ApiErrorCode, message: string, options: { cause?: unknown; remedy?: string } = {}) {
    super(message, options)
    this.name = 'ApiError'
    this.code = code
    this.remedy = options.remedy ?? apiErrors[code].remedy
  }

  /** The HTTP status that goes with it. */
  get status(): number {
    return apiErrors[this.code].status
  }
}
