/** Sequences `from … to`, both included. */
export interface Range {
  readonly from: number
  readonly to: number
}

/**
 * What is left of a range when others are taken out.
 * @param holes in any order; may overlap
 * @returns in order, none of them empty
 */
export function without(range: Range, holes: Iterable<Range>): Range[] {
  let left: Range[] = range.from <= range.to ? [range] : []
  for (const hole of holes) {
    if (hole.to < range.from || hole.from > range.to) continue
    left = left.flatMap(piece => cut(piece, hole))
  }
  return left
}

function cut(piece: Range, hole: Range): Range[] {
  if (hole.to < piece.from || hole.from > piece.to) return [piece]
  const pieces = []
  if (piece.from < hole.from) pieces.push({ from: piece.from, to: hole.from - 1 })
  if (hole.to < piece.to) pieces.push({ from: hole.to + 1, to: piece.to })
  return pieces
}

/** The part of `range` within `bounds`; undefined when they do not meet. */
export function clip<R extends Range>(range: R, bounds: Range): R | undefined {
  const from = Math.max(range.from, bounds.from)
  const to = Math.min(range.to, bounds.to)
  return from <= to ? { ...range, from, to } : undefined
}
