/** Whether two JSON values say the same; the order of keys does not count, an absent key is as good as undefined. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, n) => same(item, b[n]))
  return !Array.isArray(b) && holds(a, b) && sizeOf(b) <= sizeOf(a)
}

/** Whether `b` says all that `a` says. */
function holds(a: object, b: object): boolean {
  for (const key in a) if (!same(a[key as keyof object], b[key as keyof object])) return false
  return true
}

function sizeOf(value: object): number {
  let size = 0
  for (const key in value) if (value[key as keyof object] !== undefined) size++
  return size
}
