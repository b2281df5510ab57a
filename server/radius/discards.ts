import { type Malformed, radiusErrors } from '../../protocols/radius/index.js'

/** Why a well-formed request was discarded silently, and what an engineer can do about it. */
export const discards = {
  UNKNOWN_NAS: 'No NAS has this source address. Add it: turnpike nas add.',
  NO_SECRET: "The NAS's shared secret cannot be read. See the log for the reference, and mend or create the file.",
  OVERRUN:
    'More packets wait than may wait, so the newest are thrown away; their NASes ask again. After a power cut it passes by itself; if it goes on, look at the CPU and at who sends so many.',
  WRONG_PORT: 'A packet of this kind is not taken on this port. Access-Requests go to 1812, accounting to 1813.',
  MESSAGE_AUTHENTICATOR_REQUIRED:
    'The NAS is configured to sign its requests and did not. Update it, or set messageAuthenticator: auto.',
  MESSAGE_AUTHENTICATOR_LOCKED:
    'The NAS has signed before and now does not: somebody forges its requests, or its firmware was changed. Look at it, then set messageAuthenticator: exempt if it must stay so.',
  PROXY_STATE_UNSIGNED:
    'A request with Proxy-State and without Message-Authenticator may be an attack (CVE-2024-3596). Update the proxy or make it sign.',
  NO_SUBSCRIBERS_YET:
    'Billing has not yet told this agent who the subscribers are, so nobody is refused. See turnpike status for the connection to billing.',
  EAP_WITH_PASSWORD: 'A request holds EAP-Message and a password: the NAS is broken. RFC 2869 §5.19',
  TOO_BUSY:
    'More salted passwords wait to be checked than may wait; the NAS asks again. Give billing cheaper hashes or clear text, or look who guesses passwords.',
  EAP_OUT_OF_STEP:
    'An EAP response answers a request that is not the last one: the device or the NAS sent it late. A few are normal.',
  DUPLICATE_IN_FLIGHT: 'The NAS sent again what is being worked on. A few are normal.',
  UNUSABLE_ACCOUNTING: 'The Accounting-Request names no session, or a status that RADIUS does not define.',
  NOT_RECORDED:
    'The record could not be stored, so the NAS keeps it and sends it again. Look at the state of the ledger.',
  LEDGER_FULL:
    'More records arrive than the disk takes; the NAS sends this one again. Look at the latency of the disk.',
  REJECT_QUEUE_FULL:
    'More rejects wait for their delay than may wait: somebody guesses passwords or a device has an old one.',
  PARTNER_SILENT:
    "No server of the partner answered in time; the NAS asks again. Look at the partner's servers, the way there and the shared secret.",
  PARTNER_CROWDED:
    'More requests wait for the partner than may wait: it is slow or away. Nothing else is held up by it.',
  PROXY_LOOP: 'The partner sent back to us what we had sent to it. One of the two must keep the realm.',
  HANDLER_FAILED: 'The program made a mistake with this packet: report it with the line that was logged.',
  SEND_FAILED: 'The reply could not be sent. Look at the route to the NAS and at the firewall of this machine.'
} as const

export type DiscardReason = keyof typeof discards | Malformed

/** A reason in words: what is the matter, and what to do. */
export function discardWords(reason: DiscardReason): string {
  return reason in discards ? discards[reason as keyof typeof discards] : radiusErrors[reason as Malformed]
}
