import { printable } from './words.js'

/** A column of a table; figures stand to the right. */
export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string
  readonly right?: boolean
}

/** Rows as aligned text with a line of titles; nothing but the titles when there are no rows. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map(row => columns.map(column => printable(column.value(row)) || '–'))
  const widths = columns.map(({ title }, index) => Math.max(title.length, ...cells.map(row => row[index]?.length ?? 0)))
  const lines = [columns.map(column => column.title), ...cells].map(row =>
    row
      .map((cell, index) =>
        columns[index]?.right === true ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0)
      )
      .join('  ')
      .trimEnd()
  )
  return `${lines.join('\n')}\n`
}

/** Names and values below each other. */
export function facts(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...pairs.map(([name]) => name.length))
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${printable(value) || '–'}\n`).join('')
}
