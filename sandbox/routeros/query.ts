/** A row as the router keeps it: property to value. */
export type Row = Record<string, string>

/**
 * Whether a row answers a query. Words are operands on a stack; `?#…` are operations; what is left must all be true.
 * @param words  those that begin with `?`, in the order they came
 * @see MikroTik manual, «API: Queries»
 */
export function matches(row: Row, words: readonly string[]): boolean {
  const stack: boolean[] = []
  for (const word of words) {
    if (word.startsWith('?#')) operate(stack, word.slice(2))
    else stack.push(compare(row, word.slice(1)))
  }
  return stack.every(Boolean)
}

function compare(row: Row, word: string): boolean {
  const [, sign = '', name = '', equals, value = ''] = /^([-=<>]?)([^=]*)(=?)(.*)$/s.exec(word) ?? []
  const has = row[name]
  if (sign === '-') return has === undefined
  if (equals === '') return has !== undefined
  if (has === undefined) return false
  if (sign === '<') return Number(has) < Number(value)
  if (sign === '>') return Number(has) > Number(value)
  return has === value
}

function operate(stack: boolean[], operations: string): void {
  for (const [operation] of operations.matchAll(/\d+|[!&|.]/g)) {
    if (operation === '!') stack.push(!(stack.pop() ?? false))
    else if (operation === '&' || operation === '|') {
      const [b, a] = [stack.pop() ?? false, stack.pop() ?? false]
      stack.push(operation === '&' ? a && b : a || b)
    } else if (operation !== '.') stack.push(stack[Number(operation)] ?? false)
  }
}
