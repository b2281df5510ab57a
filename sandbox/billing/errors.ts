/** What can go wrong in the sandbox billing, and what to do next. */
export const billingErrors = {
  BILLING_NOT_FOUND: 'There is no subscriber, plan or command of that name. List what exists and compare the spelling.',
  BILLING_EXISTS: 'The name is taken. Choose another, or change the one that exists.',
  BILLING_BAD_AMOUNT: 'An amount is a decimal number above zero with at most six places, as text: "12.50".',
  BILLING_BAD_DOCUMENT:
    'The document does not fit its schema. The message names the field and what was expected there.',
  BILLING_BUSY:
    'Too many changes are waiting for the disk. Try again in a second; if it stays so, the disk is too slow.',
  BILLING_STORAGE: 'The state could not be written, so nothing was changed. Free space on the disk and try again.',
  BILLING_CLOSED: 'The billing has been closed. Start it again.'
} as const

/** A refusal of the sandbox billing. */
export class BillingError extends Error {
  readonly code: keyof typeof billingErrors

  constructor(code: keyof typeof billingErrors, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'BillingError'
    this.code = code
  }
}
