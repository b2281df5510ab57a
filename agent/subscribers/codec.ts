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
