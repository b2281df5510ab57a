/*
 * Reads dictionary files in FreeRADIUS' text format:
 *
 *   VENDOR       <name> <number> [format=<type>,<length>[,c]]
 *   BEGIN-VENDOR <name> [parent=<attribute>]        END-VENDOR <name>
 *   BEGIN-TLV    <attribute>                        END-TLV    <attribute>
 *   ATTRIBUTE    <name> <number or OID> <type> [<flag>[,<flag>…]]
 *   VALUE        <attribute> <name> <number>
 *   $INCLUDE     <file>
 *
 * One statement a line; `#` starts a comment. Numbers are decimal or 0x hexadecimal.
 */
import type { Attribute, AttributeType, DictionaryVendor, Hiding } from './definitions.js'
import { RadiusError } from './errors.js'
import { isValueType } from './values.js'
import { standardFormat, type VendorFormat } from './vendor-format.js'

/** A dictionary file: its text, and the name that errors give. */
export interface DictionarySource {
  readonly name: string
  readonly text: string
}

/** Finds the file that `$INCLUDE <name>` means in the file `from`; throws or returns undefined if there is none. */
export type IncludeSource = (name: string, from: string) => DictionarySource | undefined

interface Draft extends Attribute {
  readonly labels: Map<number, string>
  readonly numbers: Map<string, number>
}

// Where ATTRIBUTE lines count from: the packet, a vendor (perhaps inside an extended attribute) or a TLV.
interface Scope {
  readonly name: string
  readonly oid: string
  readonly vendor: DictionaryVendor | undefined
  readonly parent: Attribute | undefined
}

const MAX_INCLUDES = 16

const aliases: Readonly<Record<string, AttributeType>> = {
  text: 'string',
  uint8: 'byte',
  uint16: 'short',
  uint32: 'integer',
  uint64: 'integer64',
  int32: 'signed',
  ipv4addr: 'ipaddr',
  time: 'date',
  abinary: 'octets'
}
const containers: ReadonlySet<string> = new Set(['tlv', 'vsa', 'extended', 'long-extended', 'evs'])

const hidings: Readonly<Record<string, Hiding>> = {
  '1': 1,
  '2': 2,
  '3': 3,
  'User-Password': 1,
  'Tunnel-Password': 2,
  'Ascend-Secret': 3
}

type Statement = (words: readonly string[]) => void

/** Gathers the definitions of any number of files. */
export class DictionaryReader {
  readonly byName = new Map<string, Draft>()
  readonly byOid = new Map<string, Draft>()
  readonly vendors = new Map<string, DictionaryVendor>()
  readonly #include: IncludeSource | undefined
  readonly #open: string[] = []
  #scopes: Scope[] = []
  #source = ''
  #line = 0

  constructor(include?: IncludeSource) {
    this.#include = include
  }

  /** Reads one file and what it includes. @throws RadiusError `RAD_DICTIONARY` with file and line */
  read(source: DictionarySource): void {
    if (this.#open.includes(source.name)) throw this.#error(`another file: ${source.name} includes itself`)
    if (this.#open.length >= MAX_INCLUDES) throw this.#error(`at most ${MAX_INCLUDES} files included in each other`)
    const before = { source: this.#source, line: this.#line, scopes: this.#scopes }
    this.#open.push(source.name)
    this.#source = source.name
    this.#scopes = []
    source.text.split(/\r?\n/).forEach((line, i) => {
      this.#line = i + 1
      this.#statement(line.replace(/#.*$/, '').trim())
    })
    const left = this.#scopes.at(-1)
    if (left !== undefined) throw this.#error(`END of ${left.name} before the end of the file`)
    this.#open.pop()
    this.#source = before.source
    this.#line = before.line
    this.#scopes = before.scopes
  }

  readonly #statements: Readonly<Record<string, Statement>> = {
    ATTRIBUTE: words => this.#attribute(words),
    VALUE: words => this.#value(words),
    VENDOR: words => this.#vendor(words),
    'BEGIN-VENDOR': words => this.#beginVendor(words),
    'END-VENDOR': words => this.#end('END-VENDOR', words),
    'BEGIN-TLV': words => this.#beginTlv(words),
    'END-TLV': words => this.#end('END-TLV', words),
    $INCLUDE: words => this.#includeFile(words)
  }

  #statement(line: string): void {
    if (line === '') return
    const [keyword = '', ...words] = line.split(/\s+/)
    const statement = Object.hasOwn(this.#statements, keyword) ? this.#statements[keyword] : undefined
    if (statement === undefined) throw this.#error(`${Object.keys(this.#statements).join(', ')}, not ${keyword}`)
    statement(words)
  }

  #attribute(words: readonly string[]): void {
    const [name = '', number = '', typeName = '', flags = '', ...rest] = words
    if (typeName === '' || rest.length > 0) throw this.#error('ATTRIBUTE <name> <number> <type> [flags]')
    const type = this.#type(typeName)
    const place = this.#place(number)
    const known = this.byName.get(name)
    if (known !== undefined && known.oid !== place.oid) {
      throw this.#error(`a new name: ${name} is attribute ${known.oid} already`)
    }
    const draft: Draft = {
      name,
      ...place,
      type,
      ...this.#flags(flags),
      labels: known?.labels ?? new Map(),
      numbers: known?.numbers ?? new Map()
    }
    this.byName.set(name, draft)
    this.byOid.set(place.oid, draft)
  }

  #type(name: string): AttributeType {
    const bare = name.replace(/\[\d+\]$/, '') // octets[6]: the size is the sender's promise, not ours to check
    const type = Object.hasOwn(aliases, bare) ? aliases[bare]! : bare
    if (isValueType(type) || containers.has(type)) return type as AttributeType
    throw this.#error(`a type such as string, integer, ipaddr, octets or tlv, not ${name}`)
  }

  // The OID that a number means in the open scope, and what the attribute lies in.
  #place(text: string): Pick<Attribute, 'oid' | 'number' | 'parent' | 'vendor'> {
    const numbers = text
      .replace(/^\./, '')
      .split('.')
      .map(part => this.#number(part))
    const number = numbers.pop()!
    const scope = this.#scopes.at(-1)
    const path = [...(scope === undefined ? [] : [scope.oid]), ...numbers]
    const parent = numbers.length === 0 ? scope?.parent : this.#container(path.join('.'))
    const oid = [...path, number].join('.')
    if (number < 1 || number > this.#most(parent, scope))
      throw this.#error(`a number that fits the attribute, not ${text}`)
    return { oid, number, parent, vendor: scope?.vendor ?? parent?.vendor }
  }

  #most(parent: Attribute | undefined, scope: Scope | undefined): number {
    const inVendor = scope?.vendor !== undefined && (parent === undefined || parent.type === 'evs')
    return inVendor && parent === undefined ? 256 ** scope.vendor.format.type - 1 : 255
  }

  #container(oid: string): Attribute {
    const found = this.byOid.get(oid)
    if (found === undefined) throw this.#error(`attribute ${oid} to be defined before what lies in it`)
    if (isValueType(found.type)) throw this.#error(`${found.name} to be a tlv or extended, not ${found.type}`)
    return found
  }

  #flags(text: string): Pick<Attribute, 'tagged' | 'encrypt' | 'concat' | 'secret'> {
    const found = { tagged: false, encrypt: 0 as Hiding, concat: false, secret: false }
    for (const flag of text.split(',').filter(part => part !== '')) {
      const [key = '', value = ''] = flag.split('=')
      if (flag === 'has_tag') found.tagged = true
      else if (flag === 'concat') found.concat = true
      else if (flag === 'secret') found.secret = true
      else if (key === 'encrypt' && Object.hasOwn(hidings, value)) found.encrypt = hidings[value]!
      else if (flag !== 'array' && flag !== 'internal') {
        throw this.#error(`has_tag, encrypt=1, encrypt=2, encrypt=3, concat, array or secret, not ${flag}`)
      }
    }
    return { ...found, secret: found.secret || found.encrypt !== 0 }
  }

  #value(words: readonly string[]): void {
    const [name = '', label = '', number = '', ...rest] = words
    if (number === '' || rest.length > 0) throw this.#error('VALUE <attribute> <name> <number>')
    const attribute = this.byName.get(name)
    if (attribute === undefined) throw this.#error(`an attribute defined above, not ${name}`)
    const value = this.#number(number)
    if (!attribute.labels.has(value)) attribute.labels.set(value, label) // the first name given is the one shown
    attribute.numbers.set(label, value)
  }

  #vendor(words: readonly string[]): void {
    const [name = '', number = '', format = '', ...rest] = words
    if (number === '' || rest.length > 0) throw this.#error('VENDOR <name> <number> [format=1,1]')
    const known = this.vendors.get(name)
    const vendor = { name, number: this.#number(number), format: this.#format(format) }
    if (known !== undefined && known.number !== vendor.number) {
      throw this.#error(`a new name: ${name} is vendor ${known.number} already`)
    }
    this.vendors.set(name, vendor)
  }

  #format(text: string): VendorFormat {
    if (text === '') return standardFormat
    const match = /^format=([124]),([012])(,c)?$/.exec(text)
    if (match === null) throw this.#error(`format=<1, 2 or 4>,<0, 1 or 2>[,c], not ${text}`)
    const [, type, length, continuation] = match
    return {
      type: Number(type) as 1 | 2 | 4,
      length: Number(length) as 0 | 1 | 2,
      continuation: continuation !== undefined
    }
  }

  #beginVendor(words: readonly string[]): void {
    const [name = '', option = '', ...rest] = words
    const vendor = this.vendors.get(name)
    if (vendor === undefined) throw this.#error(`a vendor that a VENDOR line defined, not ${name}`)
    if (this.#scopes.length > 0 || rest.length > 0) throw this.#error('BEGIN-VENDOR <name> outside any other BEGIN')
    const parent = option === '' ? undefined : this.#evs(option)
    this.#scopes.push({ name, oid: `${parent?.oid ?? '26'}.${vendor.number}`, vendor, parent })
  }

  #evs(option: string): Attribute {
    const name = /^parent=(.+)$/.exec(option)?.[1] ?? ''
    const found = this.byName.get(name) ?? this.byOid.get(name)
    if (found?.type !== 'evs') throw this.#error(`parent=<attribute of type evs>, not ${option}`)
    return found
  }

  #beginTlv(words: readonly string[]): void {
    const [name = '', ...rest] = words
    const tlv = this.byName.get(name)
    if (tlv?.type !== 'tlv' || rest.length > 0) throw this.#error(`BEGIN-TLV <attribute of type tlv>, not ${name}`)
    this.#scopes.push({ name, oid: tlv.oid, vendor: tlv.vendor, parent: tlv })
  }

  #end(keyword: string, words: readonly string[]): void {
    const scope = this.#scopes.pop()
    if (scope === undefined || words.length !== 1 || words[0] !== scope.name) {
      throw this.#error(scope === undefined ? `a BEGIN before ${keyword}` : `the end of ${scope.name}`)
    }
  }

  #includeFile(words: readonly string[]): void {
    const [name = '', ...rest] = words
    if (name === '' || rest.length > 0) throw this.#error('$INCLUDE <file>')
    const source = this.#include?.(name, this.#source)
    if (source === undefined) throw this.#error(`a file that exists, not ${name}`)
    this.read(source)
  }

  #number(text: string): number {
    const number = /^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text) ? Number(text) : Number.NaN
    if (!(number <= 0xffffffff)) throw this.#error(`a number 0 to 4294967295, not ${text}`)
    return number
  }

  #error(expected: string): RadiusError {
    return new RadiusError('RAD_DICTIONARY', `${this.#source}:${this.#line}: expected ${expected}`)
  }
}
