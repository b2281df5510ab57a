/** Why provisioning was not even begun, and what to do. Nothing was sent to the device. */
export const provisioningErrors = {
  PROVISIONING_NO_DEVICE:
    'Devices are documents that billing sends: check the spelling, and whether billing has sent it.',
  PROVISIONING_NO_DRIVER:
    "The device has no driver, or its document is not understood: the agent's log says which. Correct the document.",
  PROVISIONING_UNABLE: 'The driver of the device cannot do that. docs/provisioning.md says which can.',
  PROVISIONING_TEMPLATE:
    'The template is not there, or something in its file is wrong: the message names the line. turnpike templates lists all.',
  PROVISIONING_VALUES:
    'A value is missing, unknown or not what its variable takes; the message names each. turnpike templates NAME explains them.',
  PROVISIONING_SECRET:
    'A secret is named by a reference: file:PATH, credential:NAME, env:NAME, or subscriber:ID for the password of a subscriber.'
} as const
export type ProvisioningErrorCode = keyof typeof provisioningErrors

/** A refusal before anything was sent. The message never holds a secret. */
export class ProvisioningError extends Error {
  readonly code: ProvisioningErrorCode

  constructor(code: ProvisioningErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ProvisioningError'
    this.code = code
  }
}
