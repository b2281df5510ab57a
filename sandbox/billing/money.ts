import { BillingError } from './errors.js'

/*
 * Money is an integer number of micro-units (a millionth of the currency unit) as BigInt: no rounding anywhere.
 * A price is micro-units a gigabyte of 10^9 octets. What is smaller than a micro-unit is carried to the next charge as
 * billionths of one, so that the sum of all charges depends on the octets alone, not on how they were cut into records
 * or in which order these came.
 */

const PLACES = 6
const UNIT = 10n ** BigInt(PLACES)
const OCTETS_PER_GB = 1_000_000_000n

/** Millionths of the currency unit. */
export type Micro = bigint

/** A charge and what is left over for the next one. */
export interface Charge {
  readonly amount: Micro
  /** Billionths of a micro-unit, 0 to 999,999,999. */
  readonly carry: bigint
}

/**
 * The price of some octets.
 * @param octets      0 or more
 * @param pricePerGb  micro-units per 10^9 octets
 * @param carry       what the charge before left over
 */
export function charge(octets: bigint, pricePerGb: Micro, carry: bigint): Charge {
  const exact = octets * pricePerGb + carry
  return { amount: exact / OCTETS_PER_GB, carry: exact % OCTETS_PER_GB }
}

/** An amount as people write it, 1 to 12 digits and at most six places: `12`, `12.5`, `-0.000001`. */
export const amountPattern = '^-?[0-9]{1,12}(\\.[0-9]{1,6})?$'
const amountShape = new RegExp(amountPattern)

/**
 * Reads an amount.
 * @throws BillingError `BILLING_BAD_AMOUNT` when it does not fit `amountPattern`
 */
export function parseAmount(text: string): Micro {
  if (!amountShape.test(text)) throw new BillingError('BILLING_BAD_AMOUNT', `"${text.slice(0, 40)}" is not an amount`)
  const negative = text.startsWith('-')
  const [whole = '0', fraction = ''] = text.replace('-', '').split('.')
  const micro = BigInt(whole) * UNIT + BigInt(fraction.padEnd(PLACES, '0'))
  return negative ? -micro : micro
}

/** Writes an amount with all six places: `12.500000`. */
export function formatAmount(micro: Micro): string {
  const size = micro < 0n ? -micro : micro
  return `${micro < 0n ? '-' : ''}${size / UNIT}.${(size % UNIT).toString().padStart(PLACES, '0')}`
}
