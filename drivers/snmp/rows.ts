import type { Varbind, VarbindValue } from 'net-snmp'
import { DriverError } from '../../agent/model/index.js'
import { netSnmp } from './library.js'

/** A row of a table: its index as it stands behind the column (`3`, or `1.0.18.…`), its cells in the order of the columns. */
export interface Row {
  readonly index: string
  readonly cells: readonly (VarbindValue | undefined)[]
}

interface Column {
  readonly prefix: string
  /** Index of the last cell that was read; '' at first. */
  last: string
  ended: boolean
}

/*
 * Cells of several columns become rows. Columns may have holes, and an answer may be cut anywhere; so a row is given
 * out only when every column that has not ended is past it.
 */

/** Walks the columns of one table side by side. */
export class Rows {
  readonly #columns: readonly Column[]
  readonly #waiting = new Map<string, (VarbindValue | undefined)[]>()
  #asked: readonly Column[] = []

  /** @param columns  object identifiers without index */
  constructor(columns: readonly string[]) {
    this.#columns = columns.map(oid => ({ prefix: `${oid}.`, last: '', ended: false }))
  }

  get ended(): boolean {
    return this.#columns.every(({ ended }) => ended)
  }

  /** What to ask for next: the object identifiers behind which the answer shall begin. */
  next(): readonly string[] {
    this.#asked = this.#columns.filter(({ ended }) => !ended)
    return this.#asked.map(({ prefix, last }) => (last === '' ? prefix.slice(0, -1) : prefix + last))
  }

  /**
   * Takes the answer.
   * @returns the rows that are whole now, in order
   * @throws DriverError `PROTOCOL` when it does not go forward
   */
  take(answer: readonly (Varbind | readonly Varbind[])[]): readonly Row[] {
    let moved = false
    for (const [n, column] of this.#asked.entries()) {
      const cells = answer[n]
      for (const cell of Array.isArray(cells) ? (cells as readonly Varbind[]) : []) {
        moved = true
        if (!this.#put(column, cell)) break
      }
    }
    if (!moved) throw stuck()
    return this.#whole()
  }

  /** @returns false when the column is over */
  #put(column: Column, { oid, value, ...rest }: Varbind): boolean {
    if (!oid.startsWith(column.prefix) || netSnmp().isVarbindError({ oid, value, ...rest })) {
      column.ended = true
      return false
    }
    const index = oid.slice(column.prefix.length)
    if (column.last !== '' && compare(index, column.last) <= 0) throw stuck()
    column.last = index
    const at = this.#columns.indexOf(column)
    const row = this.#waiting.get(index)
    if (row !== undefined) row[at] = value
    else
      this.#waiting.set(
        index,
        this.#columns.map((_, n) => (n === at ? value : undefined))
      )
    return true
  }

  #whole(): readonly Row[] {
    const open = this.#columns.filter(({ ended }) => !ended).map(({ last }) => last)
    // A column that has not begun holds everything back.
    if (open.includes('')) return []
    const safe = open.length === 0 ? undefined : open.reduce((low, last) => (compare(last, low) < 0 ? last : low))
    const whole: Row[] = []
    for (const [index, cells] of this.#waiting) {
      if (safe !== undefined && compare(index, safe) > 0) continue
      whole.push({ index, cells })
      this.#waiting.delete(index)
    }
    return inOrder(whole)
  }
}

/** Holes make a row appear late: then, and only then, the order must be mended. */
function inOrder(rows: Row[]): readonly Row[] {
  for (let n = 1; n < rows.length; n++) {
    if (compare(rows[n - 1]?.index ?? '', rows[n]?.index ?? '') > 0)
      return rows.sort((a, b) => compare(a.index, b.index))
  }
  return rows
}

/** Order of indexes: number by number. */
function compare(one: string, other: string): number {
  if (one === other) return 0
  if (!one.includes('.') && !other.includes('.')) return Number(one) - Number(other)
  const [a, b] = [one.split('.'), other.split('.')]
  for (let n = 0; n < a.length && n < b.length; n++) {
    const difference = Number(a[n]) - Number(b[n])
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

function stuck(): DriverError {
  return new DriverError(
    'PROTOCOL',
    'A table of the device does not go forward when it is read: its SNMP is faulty, and nothing of it is believed.'
  )
}
