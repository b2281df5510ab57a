/** What befalls the commands of a router. A command is named by how it begins: `/ppp` is all of that menu, `` is all. */
export interface Faults {
  /** Taken, and never answered. */
  readonly hang?: string
  /** Answered by the first octets of a row; then the connection ends. */
  readonly half?: string
  /** Answered by `!fatal`; then the connection ends. */
  readonly fatal?: readonly [command: string, text: string]
  /** Refused in these words. */
  readonly refuse?: readonly [command: string, message: string, category?: number]
  /** Acknowledged, and not done. */
  readonly lie?: string
  /** Wait before each answer, milliseconds. */
  readonly slow?: number
  /** Another make: says this at once, and understands nothing. */
  readonly banner?: Buffer
}

/** Whether a fault befalls a command. */
export function befalls(fault: string | undefined, command: string): boolean {
  return fault !== undefined && command.startsWith(fault)
}
