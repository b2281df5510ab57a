/** Whose ways the virtual NAS has. */
export type Flavour = 'mikrotik' | 'standard'

/** What the box says of itself, and what it calls a walled garden. */
export interface Equipment {
  readonly flavour: Flavour
  /** NAS-Identifier. */
  readonly identifier: string
  /** NAS-IP-Address. */
  readonly address: string
  /** Address lists, filters or pools behind which only the pay page is reached. */
  readonly walled: readonly string[]
}
