/*
 * What billing remembers of one agent's ledger so that no event counts twice: everything up to the watermark has been
 * seen, and above it the ranges that came early. Ranges are inclusive, ascending, never touching.
 * Immutable: each change is a new object, so that a change that could not be stored is simply forgotten.
 */

/** Sequences `from` to `to`, both included. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** The events seen of one (source, epoch). */
export interface Stream {
  readonly watermark: number
  readonly early: readonly Range[]
}

/** Nothing seen yet: sequences begin at 1. */
export const newStream: Stream = { watermark: 0, early: [] }

/** Most ranges that are remembered above the watermark, which bounds the memory that one agent can take. */
export const mostRanges = 4096

/** Whether the sequence was seen before. */
export function seen(stream: Stream, sequence: number): boolean {
  if (sequence <= stream.watermark) return true
  const range = stream.early[firstEndingAt(stream.early, sequence)]
  return range !== undefined && range.from <= sequence
}

/**
 * Remembers sequences, those included that were seen before.
 * @returns the stream with them, or `undefined` when that would take more than `mostRanges` ranges
 */
export function remember(stream: Stream, from: number, to = from): Stream | undefined {
  const { watermark, early } = stream
  const at = firstEndingAt(early, from - 1)
  let end = at
  while ((early[end]?.from ?? Infinity) <= to + 1) end++
  const joined = {
    from: Math.min(from, early[at]?.from ?? from),
    to: Math.max(to, (end > at ? early[end - 1]?.to : to) ?? to)
  }
  if (joined.from <= watermark + 1) return { watermark: Math.max(watermark, joined.to), early: early.slice(end) }
  const next = early.toSpliced(at, end - at, joined)
  return next.length > mostRanges ? undefined : { watermark, early: next }
}

/** The sequences that are missing below the highest one seen: lost, quarantined by the agent, or still on their way. */
export function gaps(stream: Stream): Range[] {
  let last = stream.watermark
  return stream.early.map(range => {
    const gap = { from: last + 1, to: range.from - 1 }
    last = range.to
    return gap
  })
}

/** Index of the first range whose end is at or above the sequence; the length when there is none. */
function firstEndingAt(ranges: readonly Range[], sequence: number): number {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle]?.to ?? 0) < sequence) low = middle + 1
    else high = middle
  }
  return low
}
