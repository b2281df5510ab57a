/** Why EAP cannot be offered as it is configured, and what an engineer should do next. */
export const eapErrors = {
  EAP_FILE_UNREADABLE:
    'A file of radius.eap cannot be read. Correct the path, and give the file to the group of the agent: chgrp turnpike FILE && chmod 640 FILE',
  EAP_CERTIFICATE_UNREADABLE:
    'The certificate or a CA is not PEM that can be read. It begins with -----BEGIN CERTIFICATE-----; look with: openssl x509 -text -in FILE',
  EAP_KEY_UNREADABLE: 'The private key cannot be read. It must be PEM, and not encrypted',
  EAP_KEY_DOES_NOT_FIT:
    "The private key is not that of the first certificate. Put the server's own certificate first, the intermediates behind it",
  EAP_CERTIFICATE_EXPIRED: 'The certificate has run out, or is not valid yet: every device would refuse it. Renew it',
  EAP_CHAIN_INCOMPLETE:
    'The issuer of the last certificate is missing, so devices cannot find their CA. Append the intermediate certificate to the file, or name the CA as ca',
  EAP_NEEDS_CERTIFICATE:
    'PEAP, TTLS and TLS need a certificate and its key. Configure them, or leave these methods out',
  EAP_TLS_NEEDS_CA: "EAP-TLS needs the CA that signs the devices' certificates. Configure it as ca, or leave tls out"
} as const

export type EapErrorCode = keyof typeof eapErrors

/** What EAP fails at while it starts. Once it runs it throws nothing for what a device sends. */
export class EapError extends Error {
  override readonly name = 'EapError'

  /** @param detail  which certificate, put behind the table's words */
  constructor(
    readonly code: EapErrorCode,
    detail?: string,
    options?: ErrorOptions
  ) {
    super(detail === undefined ? eapErrors[code] : `${eapErrors[code]} (${detail})`, options)
  }
}
