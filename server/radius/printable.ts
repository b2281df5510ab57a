const MOST = 64

// Control characters, line and paragraph separators, and marks that turn the direction of text.
const UNSAFE = /[\p{Cc}\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu

/**
 * Text from a packet as a person or a log may read it: one line, without control characters, the first 64 UTF-16 units.
 * What cannot be shown becomes `\x1b` or `\u202e`; what was cut ends in `…`.
 */
export function printable(text: string): string {
  const shown = text.slice(0, MOST).replaceAll(UNSAFE, escaped)
  return text.length > MOST ? `${shown}…` : shown
}

function escaped(character: string): string {
  const code = character.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}
