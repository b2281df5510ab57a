import { decodeLength } from './length.js'

/** What a print asks for. */
export interface PrintOptions {
  /** Only rows with any of these values, each `[property, value]`. All rows when absent or empty. */
  readonly anyOf?: readonly (readonly [property: string, value: string])[]
  /** Only these properties of a row. All when absent. */
  readonly properties?: readonly string[]
}

/**
 * The sentence that prints a menu: the router filters and leaves out what nobody reads.
 * @param menu  `/ppp/active`
 * @see MikroTik manual, «API: Queries»: words are operands on a stack, `?#|` takes two and puts back whether one is true
 */
export function printSentence(menu: string, { anyOf = [], properties }: PrintOptions = {}): string[] {
  const query = anyOf.flatMap(([property, value], index) => [`?${property}=${value}`, ...(index === 0 ? [] : ['?#|'])])
  return [`${menu}/print`, ...(properties === undefined ? [] : [`=.proplist=${properties.join(',')}`]), ...query]
}

/** What the `category` of a `!trap` means. @see MikroTik manual, «API: trap» */
export const trapCategories: Readonly<Record<string, string>> = {
  0: 'missing item or command',
  1: 'argument value failure',
  2: 'execution of command interrupted',
  3: 'scripting related failure',
  4: 'general failure',
  5: 'API related failure',
  6: 'TTY related failure',
  7: 'value generated with :return command'
}

/**
 * Whether what a peer says first can be an answer of a router: a word that begins with `!`. Another protocol's banner
 * would otherwise pass for the length of a word that never ends.
 * @returns undefined while too few octets are there
 */
export function startsLikeReply(head: Buffer): boolean | undefined {
  const [first] = head
  if (first === undefined) return undefined
  if (first > 0xf0 || first === 0) return false
  const length = decodeLength(head)
  if (length === undefined || head.length <= length.consumed) return undefined
  return head[length.consumed] === 0x21
}
