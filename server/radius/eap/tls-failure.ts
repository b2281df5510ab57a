import { type Failed, failure } from './method.js'

const theyRefuse = /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|ACCESS_DENIED)/

/** What an error of TLS means for a technician. */
export function tlsFailure({ code = '', message }: NodeJS.ErrnoException): Failed {
  const detail = `TLS says: ${wordsOf(code, message)}.`
  if (theyRefuse.test(code)) return failure('EAP_CERTIFICATE_REFUSED', detail)
  if (/PEER_DID_NOT_RETURN_A_CERTIFICATE/.test(code)) return failure('EAP_NO_CERTIFICATE', detail)
  return failure('EAP_TLS_FAILED', detail)
}

/** What OpenSSL found wrong with the device's certificate. */
export function certificateFailure(fault: string): Failed {
  const detail = `TLS says: ${wordsOf(fault, fault)}.`
  if (/EXPIRED|NOT_YET_VALID/.test(fault)) return failure('EAP_CERTIFICATE_EXPIRED', detail)
  return failure('EAP_CERTIFICATE_UNTRUSTED', detail)
}

// Codes are ours to print; messages may hold what the peer sent.
function wordsOf(code: string, message: string): string {
  const words = code
    .replace(/^ERR_(SSL|OSSL)_/, '')
    .replaceAll('_', ' ')
    .toLowerCase()
  return words === '' ? message.slice(0, 80).replaceAll(/[^\x20-\x7e]/g, '?') : words
}
