/** What each code means, and what an engineer should do next. */
export const uplinkErrors = {
  UPLINK_INSECURE_URL:
    'Billing is addressed by plain http or nats, which would carry the token and the usage in clear. Use https (or tls for NATS); plain is for a billing system on this very box (127.0.0.1, ::1, localhost).',
  UPLINK_BAD_URL:
    'The address of billing cannot be used. Write it as https://host[:port][/path], or tls://host[:port] for NATS, without user name, password, query or fragment: the token has a file of its own.',
  UPLINK_BAD_TOKEN:
    'The token for billing cannot be read or holds what no HTTP header may carry. Look at the file that the configuration names: one line, printable characters, no spaces. For NATS: a token, a password, an nkey seed or a .creds file.',
  UPLINK_UNREACHABLE:
    'Billing cannot be reached. Check DNS, the route, the firewall and the proxy (HTTPS_PROXY); with a TLS cause, the certificate, the pinned CA and the clock of this box. The backlog is kept.',
  UPLINK_TIMEOUT:
    'Billing did not answer in time, or stopped in the middle. The backlog is kept and sent again; look at billing, and at the path for loss.',
  UPLINK_REFUSED:
    'Billing does not accept our token or certificate (401 or 403). Renew it: it is read again for each attempt. The backlog is kept.',
  UPLINK_NO_STREAM:
    'NATS is there, but nothing behind the subject: no stream takes the events, or nobody answers for the snapshot. Compare cloud.nats with the subjects of the streams (nats stream ls) and see that JetStream and billing run. The backlog is kept.',
  UPLINK_BAD_MAPPING:
    'A field of cloud.mapping comes from something that cannot be read. Write a field of the event (subject, data.upOctets), a sum of fields (data.upOctets + data.downOctets), or one of them with: as text, as number, as seconds, as milliseconds.',
  UPLINK_UNEXPECTED_ANSWER:
    'Billing answered with something that the Edge API does not know. Is the address that of the Edge API, and is no portal or proxy answering in its place?',
  UPLINK_TOO_LONG:
    'An answer, message or line of billing is longer than the agent accepts. Nothing of it was used; look at billing.',
  UPLINK_CURSOR_TOO_OLD:
    'Billing no longer knows the place in the feed where the agent stopped. A snapshot follows by itself.',
  UPLINK_FEED_SILENT:
    'The feed was silent for longer than 45 s. The agent connects again by itself; look for a proxy that buffers.',
  UPLINK_FEED_GAP:
    'The feed left out a message or changed their order. The agent asks again from its cursor by itself.',
  UPLINK_SNAPSHOT_INCOMPLETE:
    'The snapshot broke off, or its counts do not match. All of it was thrown away and what was known before stands; it is taken again by itself.',
  UPLINK_UNKNOWN_RANGE:
    'The range of sequence numbers to send again is not one: whole numbers from 1, the first not above the last.'
} as const
export type UplinkErrorCode = keyof typeof uplinkErrors

/** What goes wrong between the agent and billing. The message never holds a token. */
export class UplinkError extends Error {
  readonly code: UplinkErrorCode
  /** Billing asked to wait this long, ms. */
  readonly retryAfterMs: number | undefined

  /** @param detail what happened in this case, put behind the table's words */
  constructor(code: UplinkErrorCode, detail: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(`${uplinkErrors[code]} (${detail})`, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'UplinkError'
    this.code = code
    this.retryAfterMs = options.retryAfterMs
  }
}

/** An error in a few words for status and log. */
export function sayError(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
