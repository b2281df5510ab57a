/** What a variable may hold. `name`: letters, digits, `_` and `-`, so that it may be part of a place. */
export const variableTypes = ['text', 'secret', 'name', 'number', 'boolean'] as const
export type VariableType = (typeof variableTypes)[number]

export type Given = string | number | boolean

/** A variable of a template. */
export interface Variable {
  readonly type: VariableType
  /** What it is, for people. */
  readonly describe: string
  readonly default?: Given
  /** Without a value, properties and steps that rest on it are left out. */
  readonly optional?: boolean
  /** Of a number its least value, of a text its least length. */
  readonly least?: number
  readonly most?: number
}

const LONGEST = 1024

/** Reads a value as its variable wants it. @returns the value, or what was expected in words */
export function readValue(variable: Variable, given: Given): { value: Given } | { expected: string } {
  const { type } = variable
  if (type === 'number') return readNumber(variable, given)
  if (type === 'boolean') {
    if (typeof given === 'boolean') return { value: given }
    return given === 'true' || given === 'false' ? { value: given === 'true' } : { expected: 'true or false' }
  }
  const { least = 0, most = LONGEST } = variable
  const text = String(given)
  if (text.length < least || text.length > most) return { expected: `${least} to ${most} characters` }
  // A line break would be another command on some boxes.
  if (/\p{Cc}/u.test(text)) return { expected: 'a text without line breaks and other control characters' }
  if (type === 'name' && !/^[A-Za-z0-9_-]+$/.test(text)) return { expected: 'letters, digits, _ and - only' }
  return { value: text }
}

function readNumber(
  { least = 0, most = Number.MAX_SAFE_INTEGER }: Variable,
  given: Given
): { value: Given } | { expected: string } {
  const value = typeof given === 'string' && /^-?\d{1,15}$/.test(given) ? Number(given) : given
  const good = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
  return good ? { value } : { expected: `a whole number from ${least} to ${most}` }
}
