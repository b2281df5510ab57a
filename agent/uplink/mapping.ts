import { UplinkError } from './errors.js'
import type { WireEvent } from './transport.js'

/*
 * Events in the shape of another API. A mapping selects and renames types, says where each field comes from, lays the
 * fields of `data` beside the others and adds fixed ones. Names with dots are paths: `properties.up` is a field of an
 * object. What an event does not have is left out.
 */

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** The shape of an event at another API. */
export interface Shape {
  /** Our type → theirs: only these are sent. All, under their own names, when absent. */
  readonly types?: Readonly<Record<string, string>>
  /** Their field → where it comes from (`readSource`). When absent, the CloudEvent as it is. */
  readonly fields?: Readonly<Record<string, string>>
  /** Lays the fields of `data` beside the others, in place of `data`. */
  readonly flatten?: boolean
  /** Their field → a fixed text. */
  readonly extra?: Readonly<Record<string, string>>
}

/** What a source may look like; see `readSource`. */
export const SOURCE =
  /^([A-Za-z]\w*(?:\.\w+)*(?: \+ [A-Za-z]\w*(?:\.\w+)*)*)(?: as (text|number|seconds|milliseconds))?$/

/** An event in their shape; undefined when its type is not for them. */
export type Mapped = (event: WireEvent) => Json | undefined

/** Prepares a mapping. @throws UplinkError `UPLINK_BAD_MAPPING` */
export function mapped(shape: Shape): Mapped {
  const { types, fields, flatten = false, extra = {} } = shape
  const sources = fields && Object.entries(fields).map(([name, text]) => [name, readSource(text)] as const)
  return ({ json }) => {
    const own = JSON.parse(json.toString()) as Json
    const type = types === undefined ? own['type'] : at(types, [String(own['type'])])
    if (type === undefined) return undefined
    const event = { ...own, type }
    const result: Record<string, unknown> = sources === undefined ? { ...event } : {}
    if (flatten) {
      delete result['data']
      Object.assign(result, { ...(own['data'] as Json | undefined), ...result })
    }
    for (const [name, source] of sources ?? []) place(result, name, source(event))
    for (const [name, text] of Object.entries(extra)) place(result, name, text)
    return result
  }
}

/**
 * Where a field comes from: `subject`, `data.upOctets`, `data.upOctets + data.downOctets`, `time as seconds`.
 * A sum is one of whole numbers, exact beyond 2^53, where it becomes a text as octets are; `as` makes a text, a number,
 * or the seconds or milliseconds since 1970 of a time.
 * @throws UplinkError `UPLINK_BAD_MAPPING`
 */
export function readSource(text: string): (event: Json) => unknown {
  const [, terms, as] = SOURCE.exec(text) ?? []
  if (terms === undefined) throw new UplinkError('UPLINK_BAD_MAPPING', text.slice(0, 100))
  const paths = terms.split(' + ').map(term => term.split('.'))
  const [only] = paths
  const read = (event: Json): unknown =>
    paths.length === 1 && only !== undefined ? at(event, only) : sum(paths.map(path => at(event, path)))
  return event => converted(read(event), as)
}

function converted(value: unknown, as: string | undefined): unknown {
  if (value === undefined || as === undefined) return value
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (as === 'text') return text
  const number = as === 'number' ? Number(text) : Math.floor(Date.parse(text) / (as === 'seconds' ? 1000 : 1))
  return Number.isFinite(number) ? number : undefined
}

/** Parts that are absent or no whole numbers count nothing; undefined when none is one. */
function sum(parts: readonly unknown[]): number | string | undefined {
  const whole = parts.filter(part => /^[0-9]+$/.test(String(part)))
  if (whole.length === 0) return undefined
  const total = whole.reduce<bigint>((before, part) => before + BigInt(String(part)), 0n)
  return total <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(total) : String(total)
}

function at(from: unknown, path: readonly string[]): unknown {
  let value = from
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Json)[step]
  }
  return value
}

function place(into: Record<string, unknown>, name: string, value: unknown): void {
  if (value === undefined) return
  const path = name.split('.')
  const last = path.pop() ?? name
  let object = into
  for (const step of path) {
    const inner = at(object, [step])
    const next = typeof inner === 'object' && inner !== null ? { ...inner } : {}
    object[step] = next
    object = next
  }
  object[last] = value
}
