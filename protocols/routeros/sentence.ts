import { RouterosError } from './errors.js'
import { decodeLength, encodeLength } from './length.js'

/*
 * A sentence is words, each a length and UTF-8 octets, ended by a word of length 0.
 * To the router: a command (`/ppp/active/print`), attributes `=name=value`, queries `?name=value`, the tag `.tag=7`.
 * From it: `!re`, `!done`, `!trap`, `!fatal`, `!empty` (7.18 and later), then the same kinds of words.
 */

/** No router answers with a longer word in what we ask; a script's source may come near. */
const LONGEST_WORD = 1024 * 1024
const MOST_WORDS = 4096
const END = Buffer.from([0])

/** One answer of the router. */
export interface Reply {
  /** `!re`, `!done`, `!trap`, `!fatal`, `!empty`, or whatever else begins the sentence; null in an empty one. */
  readonly type: string | null
  readonly attributes: Readonly<Record<string, string>>
  /** The `.tag` of the request that it answers. */
  readonly tag?: string
  /** Words that are no attribute: the text of `!fatal`. */
  readonly text?: string
}

/** Octets of a sentence. Empty words are left out, since one would end the sentence. */
export function encodeSentence(words: readonly string[]): Buffer {
  const parts: Buffer[] = []
  for (const word of words) {
    if (word === '') continue
    const octets = Buffer.from(word)
    parts.push(encodeLength(octets.length), octets)
  }
  return Buffer.concat([...parts, END])
}

/** What the words of an answer say. The value is all behind the second `=`: it may hold more of them. */
export function parseReply(words: readonly string[]): Reply {
  const [type = null, ...rest] = words
  // A name comes from the wire: `__proto__` must be a key like any other.
  const attributes = Object.create(null) as Record<string, string>
  const text: string[] = []
  let tag: string | undefined
  for (const word of rest) {
    const split = word.indexOf('=', 1)
    const value = split === -1 ? '' : word.slice(split + 1)
    if (word.startsWith('=')) attributes[word.slice(1, split === -1 ? undefined : split)] = value
    else if (word.startsWith('.tag=')) tag = value
    else text.push(word)
  }
  return {
    type,
    attributes,
    ...(tag === undefined ? {} : { tag }),
    ...(text.length === 0 ? {} : { text: text.join(' ') })
  }
}

/** Joins what TCP delivers in pieces into sentences; holds at most one unfinished sentence. */
export class SentenceReader {
  #rest: Buffer = Buffer.alloc(0)
  #words: string[] = []

  /**
   * Takes the next piece.
   * @returns the words of each sentence that it completes; an empty sentence gives no words
   * @throws RouterosError `ROS_RESERVED`, `ROS_TOO_LONG`: the stream has no meaning any more, close it
   */
  push(piece: Buffer): string[][] {
    const from = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    const sentences: string[][] = []
    let at = 0
    for (;;) {
      const head = decodeLength(from, at)
      if (head === undefined) break
      if (head.length > LONGEST_WORD) throw new RouterosError('ROS_TOO_LONG', `a word of ${head.length} octets`)
      const end = at + head.consumed + head.length
      if (end > from.length) break
      if (head.length === 0) {
        sentences.push(this.#words)
        this.#words = []
      } else this.#word(from.toString('utf8', at + head.consumed, end))
      at = end
    }
    this.#rest = Buffer.from(from.subarray(at))
    return sentences
  }

  #word(word: string): void {
    if (this.#words.length >= MOST_WORDS) throw new RouterosError('ROS_TOO_LONG', `over ${MOST_WORDS} words`)
    this.#words.push(word)
  }
}
