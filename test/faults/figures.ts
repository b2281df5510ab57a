import type { Test } from 'tap'

/** What a row measured: printed as a comment, from which the table is made. */
export function figures(t: Test, of: Readonly<Record<string, number | string>>): void {
  t.comment(`figures ${t.name}: ${JSON.stringify(of)}`)
}

/** Octets in MiB, one decimal. */
export function mebibytes(octets: number): number {
  return Math.round((octets / 1024 / 1024) * 10) / 10
}
