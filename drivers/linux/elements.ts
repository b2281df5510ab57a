import { isRecord } from '../../agent/model/index.js'
import { type Address } from './address.js'
import { add, type Fence, fences, type Json, type Kind, kinds, TABLE, valueOf } from './skeleton.js'
import type { Subject } from './subject.js'

/** One element of a set that fences or of a map that shapes. */
export interface Element {
  /** `walled4`, `blockedmac`, `rate6`: the set or map. */
  readonly set: string
  /** `10.0.0.1/32`, or a MAC. */
  readonly key: string
  readonly value: unknown
  /** Whose it is; what follows the first space is {@link note}. */
  readonly mark: string
  /** What we noted beside the mark: of a rate, its kind and numbers. */
  readonly note: string
  /** Of a rate: the class of HTB. */
  readonly classid?: string
}

/** What stands on the box. */
export interface Standing {
  readonly elements: readonly Element[]
  /** How many rules our table has: fewer than ours, and somebody has removed some. */
  readonly rules: number
}

const holders = new Set([...fences.flatMap(fence => kinds.map(kind => `${fence}${kind}`)), 'rate4', 'rate6'])

/** Reads what `nft -j list table` says. */
export function standingOf(objects: readonly Json[]): Standing {
  const named = objects.flatMap(({ set, map }) => [set, map]).filter(isRecord)
  return {
    elements: named.flatMap(({ name, elem }) =>
      typeof name === 'string' && holders.has(name) && Array.isArray(elem)
        ? elem.map((found: unknown) => elementOf(name, found))
        : []
    ),
    rules: objects.filter(({ rule }) => rule !== undefined).length
  }
}

function elementOf(set: string, found: unknown): Element {
  const [held, classid] = Array.isArray(found) ? (found as [unknown, unknown]) : [found, undefined]
  const wrapped = isRecord(held) && isRecord(held['elem']) ? held['elem'] : { val: held }
  const { val: value, comment = '' } = wrapped
  const [mark = '', ...rest] = String(comment).split(' ')
  return {
    set,
    key: keyOf(value),
    value,
    mark,
    note: rest.join(' '),
    ...(typeof classid === 'string' && { classid })
  }
}

function keyOf(value: unknown): string {
  const prefix = isRecord(value) && isRecord(value['prefix']) ? value['prefix'] : undefined
  if (prefix !== undefined) return `${String(prefix['addr'])}/${String(prefix['len'])}`
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (/^(..:){5}..$/.test(text)) return text
  return `${text}/${text.includes(':') ? 128 : 32}`
}

/** What fences somebody: every address and MAC of theirs in one kind of set. */
export function fenced({ mark, addresses, macs }: Subject, fence: Fence): readonly Element[] {
  const element = (kind: Kind, key: string, value: unknown): Element => ({
    set: `${fence}${kind}`,
    key,
    value,
    mark,
    note: ''
  })
  return [
    ...addresses.map(address => element(kindOf(address), written(address), valueOf(address))),
    ...macs.map(mac => element('mac', mac, mac))
  ]
}

/** What leads somebody's packets to their class. */
export function rated({ mark, addresses }: Subject, classid: string, note: string): readonly Element[] {
  return addresses.map(address => ({
    set: `rate${kindOf(address)}`,
    key: written(address),
    value: valueOf(address),
    mark,
    note,
    classid
  }))
}

/** Whatever is about somebody: marked as theirs, or on an address or MAC that they have now. */
export function theirs({ elements }: Standing, { marks, addresses, macs }: Subject): readonly Element[] {
  const keys = new Set([...addresses.map(written), ...macs])
  return elements.filter(({ mark, key }) => marks.includes(mark) || keys.has(key))
}

/** Commands that turn `found` into `wanted`; none when they are the same. */
export function difference(found: readonly Element[], wanted: readonly Element[]): readonly Json[] {
  const [have, want] = [new Set(found.map(identity)), new Set(wanted.map(identity))]
  return [
    ...found
      .filter(element => !want.has(identity(element)))
      .map(element => ({ delete: named(element, element.value) })),
    ...wanted.filter(element => !have.has(identity(element))).map(element => add(named(element, commented(element))))
  ]
}

/** Whether it is in a map that shapes, rather than a set that fences. */
export function isRate({ set }: Element): boolean {
  return set.startsWith('rate')
}

function commented({ value, mark, note, classid }: Element): unknown {
  const elem = { elem: { val: value, comment: note === '' ? mark : `${mark} ${note}` } }
  return classid === undefined ? elem : [elem, classid]
}

function named({ set }: Element, elem: unknown): Json {
  return { element: { family: 'inet', table: TABLE, name: set, elem: [elem] } }
}

function identity({ set, key, mark, note, classid = '' }: Element): string {
  return JSON.stringify([set, key, mark, note, classid])
}

function kindOf({ family }: Address): '4' | '6' {
  return family === 4 ? '4' : '6'
}

function written({ text, length }: Address): string {
  return `${text}/${length}`
}
