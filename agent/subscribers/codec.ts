/*
 * A document at rest: revision, line feed, JSON, the whole through the codec (which may seal it: documents hold
 * credentials). The revision grows with each document, so that the newer of two is known after a restart.
 */

/** How documents lie on the disk; the place where encryption goes. `decode` throws when it cannot read. */
export interface DocumentCodec {
  encode(text: string): Buffer
  decode(stored: Buffer): string
  /** Whether `stored` can be read but should be written anew: under another key, or in clear. */
  isStale?(stored: Buffer): boolean
}

/** Documents as they are. */
export const plainCodec: DocumentCodec = {
  encode: text => Buffer.from(text),
  decode: stored => stored.toString()
}

/** @returns what is put into the table */
export function storeDocument(codec: DocumentCodec, revision: number, document: unknown): Buffer {
  return codec.encode(`${revision}\n${JSON.stringify(document)}`)
}

/** Reads back what `storeDocument` gave. @throws whatever the codec throws; SyntaxError when it is no document */
export function readDocument(codec: DocumentCodec, stored: Buffer): { revision: number; document: unknown } {
  const text = codec.decode(stored)
  const line = text.indexOf('\n')
  const revision = Number(text.slice(0, line))
  if (line < 1 || !Number.isSafeInteger(revision)) throw new SyntaxError('not a stored document')
  return { revision, document: JSON.parse(text.slice(line + 1)) as unknown }
}
