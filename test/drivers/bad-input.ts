import { inspect } from 'node:util'
import type { Test } from 'tap'
import { type AnyDriver, DriverError, type DriverErrorCode } from '../../agent/model/index.js'

/** What goes wrong at real devices, whatever is driven. */
export type BadInput = 'wrong password' | 'another certificate' | 'another make' | 'half a reply' | 'the uplink'

/** How a driver answers to it. */
export interface Bad {
  readonly code: DriverErrorCode
  /** What the sentence must tell. */
  readonly says: RegExp
  /** A driver before that device, closed by `t.teardown`, and what is asked of it; its health when absent. */
  readonly open: (t: Test) => Promise<AnyDriver>
  readonly ask?: (driver: AnyDriver, signal: AbortSignal) => Promise<unknown>
}

/** Every row for a driver; words where there is no such thing. */
export type BadInputs = Readonly<Record<BadInput, Bad | string>>

/** A question to the engineer, or an order: something to do. */
const remedy =
  /\?|\b(check|compare|correct|is the|name it|set|install|give|enable|write|look at|put it|allow|type|try|add|remove)\b/i

/** Each is one error: the right code, a sentence with what to do, and no credential. */
export function badInputs(t: Test, rows: BadInputs, credential: string): void {
  for (const [name, row] of Object.entries(rows) as [BadInput, Bad | string][]) {
    if (typeof row === 'string') {
      t.comment(`${name}: ${row}`)
      continue
    }
    t.test(`bad input: ${name}`, async t => {
      const driver = await row.open(t)
      const signal = AbortSignal.timeout(10_000)
      const asked = row.ask?.(driver, signal) ?? driver.health(signal)
      const error = await asked.then(
        value => new Error(`it did not fail, but gave ${JSON.stringify(value)}`),
        (error: unknown) => error
      )
      t.type(error, DriverError)
      t.match(error, { code: row.code, message: row.says })
      t.match(error, { message: remedy }, 'it says what to do')
      t.notMatch(String(error), credential)
      t.notMatch(inspect(error, { depth: 8 }), credential, 'however deep one looks')
    })
  }
}
