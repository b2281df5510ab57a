import { randomInt } from 'node:crypto'
import { Document, isMap, isNode, isScalar, isSeq, parseDocument, type YAMLSeq } from 'yaml'
import { ConfigError } from './errors.js'
import { parseConfig } from './load.js'
import type { NasEntry } from './schema.js'

/** Letters that survive every vendor's command line: none is quoted, escaped or mistaken for another. */
const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789'

/** A shared secret of 32 characters, 186 bits, that can be typed and pasted anywhere. */
export function newSecret(length = 32): string {
  return Array.from({ length }, () => letters[randomInt(letters.length)]).join('')
}

/**
 * Adds a NAS to the text of a configuration file. Everything that is there stays as it is, to the letter (a list in
 * brackets excepted, which is opened up).
 * @param file  its absolute path, for messages
 * @returns the new text, checked
 * @throws ConfigError when the file was wrong before, `CONFIG_EXISTS` when the id or an address is taken
 */
export function addNas(text: string, file: string, entry: NasEntry): string {
  refuseTaken(text, file, entry)
  const added = insert(text, entry)
  parseConfig(added, file)
  return added
}

/** Where the entry goes: behind the last one, below an empty `nas:`, or at the end of the file with a `nas:` of its own. */
function insert(text: string, entry: NasEntry): string {
  const document: Document = parseDocument(text)
  const pair = isMap(document.contents)
    ? document.contents.items.find(({ key }) => isScalar(key) && key.value === 'nas')
    : undefined
  const list = isNode(pair?.value) ? pair.value : undefined
  if (isSeq(list) && list.flow === true) return openedUp(document, list, entry)
  if (isSeq(list)) return spliced(text, list.range?.[1] ?? text.length, entryText(entry, columnOf(text, list)))
  if (isNode(pair?.key)) return spliced(text, pair.key.range?.[1] ?? text.length, entryText(entry, 2))
  const gap = text === '' || text.endsWith('\n') ? '' : '\n'
  return `${text}${gap}nas:\n${entryText(entry, 2)}`
}

function openedUp(document: Document, list: YAMLSeq, entry: NasEntry): string {
  list.flow = false
  list.add(document.createNode(entry))
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** Puts lines behind the line in which `offset` lies; an offset at a line's beginning belongs to the line before. */
function spliced(text: string, offset: number, lines: string): string {
  const last = offset > 0 && text[offset - 1] === '\n' ? offset - 1 : offset
  const end = text.indexOf('\n', last)
  return end === -1 ? `${text}\n${lines}` : `${text.slice(0, end + 1)}${lines}${text.slice(end + 1)}`
}

function columnOf(text: string, list: YAMLSeq): number {
  const start = list.range?.[0] ?? 0
  return start - (text.lastIndexOf('\n', start - 1) + 1)
}

function entryText(entry: NasEntry, indent: number): string {
  const item = new Document([entry])
  const addresses = item.getIn([0, 'addresses'])
  if (isSeq(addresses)) addresses.flow = true
  const lines = item.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd().split('\n')
  return lines.map(line => `${' '.repeat(indent)}${line}\n`).join('')
}

function refuseTaken(text: string, file: string, entry: NasEntry): void {
  for (const other of parseConfig(text, file).nas) {
    const shared = other.addresses.find(address => entry.addresses.includes(address))
    if (other.id === entry.id) {
      throw new ConfigError(
        'CONFIG_EXISTS',
        `${file} has a NAS «${entry.id}» already. Choose another id, or edit it there.`
      )
    }
    if (shared !== undefined) {
      throw new ConfigError('CONFIG_EXISTS', `${file} gives ${shared} to the NAS «${other.id}» already.`)
    }
  }
}
