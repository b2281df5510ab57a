import { macOf } from './mac.js'

/*
 * What relays write into option 82 (RFC 3046), as NASes pass it on. Cisco writes type and length before the value:
 *
 *   circuit-id  00 04 vlan(2) slot port     000400640001: VLAN 100, port 0/1
 *   remote-id   00 06 mac(6)                the switch's own address
 *
 * MikroTik's relay writes a MAC address, bridges and access nodes write text (TR-101: `an-1 eth 0/1:100`).
 */
const CISCO_PORT = 4
const CISCO_MAC = 6

/** What is known of a circuit or remote id. */
export interface Circuit {
  /** As it came, hex digits. */
  readonly hex: string
  /** As it came, where it is printable text; else undefined. */
  readonly text: string | undefined
  /** What it says, in words that a document may also use: `vlan 100 port 0/1`, `00:11:22:aa:bb:cc`. */
  readonly meaning: string | undefined
  readonly vlan: number | undefined
}

/** Reads a circuit or remote id of any relay. */
export function circuitOf(octets: Buffer): Circuit {
  const text = textOf(octets)
  const port = ciscoPort(octets)
  return {
    hex: octets.toString('hex'),
    text,
    meaning: port?.words ?? macIn(octets, text),
    vlan: port?.vlan ?? (text === undefined ? undefined : vlanInText(text))
  }
}

/**
 * Whether a circuit is the one that a document binds to: by its text, by its hex digits (with or without 0x, colons,
 * hyphens or dots), or by what it means; case and blanks do not count.
 */
export function isCircuit(bound: string, said: Buffer): boolean {
  const { hex, text, meaning } = circuitOf(said)
  const want = bound.trim().toLowerCase()
  if (text?.trim().toLowerCase() === want || meaning === want) return true
  if (want.replace(/^0x/, '').replaceAll(/[-:. ]/g, '') === hex) return true
  const mac = macOf(want)
  return mac !== undefined && mac === meaning
}

/** A circuit for a technician: text, meaning and hex digits. */
export function circuitWords(said: Buffer | undefined): string {
  if (said === undefined) return 'The request names none.'
  const { hex, text, meaning } = circuitOf(said)
  const names = [text === undefined ? undefined : `«${text}»`, meaning].filter(name => name !== undefined)
  return `The request says ${[...names, `hex ${hex}`].join(', ')}.`
}

/**
 * The VLAN that a line of text ends in: `ether2.100`, `slot=0;port=1;vlanid=100`, `an-1 eth 0/1:100`, `Vlan100`; of a
 * stack the last, which is the subscriber's.
 */
export function vlanInText(text: string): number | undefined {
  const found = /vlan(?:-?id\d?)?[=: ]?(\d{1,4})(?!\d)(?!.*vlan)/i.exec(text) ?? /[.:](\d{1,4})$/.exec(text.trim())
  const vlan = Number(found?.[1])
  return vlan >= 1 && vlan <= 4094 ? vlan : undefined
}

function ciscoPort(octets: Buffer): { words: string; vlan: number } | undefined {
  if (octets.length !== 2 + CISCO_PORT || octets[0] !== 0 || octets[1] !== CISCO_PORT) return undefined
  const vlan = octets.readUInt16BE(2)
  return { vlan, words: `vlan ${vlan} port ${octets[4]}/${octets[5]}` }
}

function macIn(octets: Buffer, text: string | undefined): string | undefined {
  if (octets.length === 2 + CISCO_MAC && octets[0] === 0 && octets[1] === CISCO_MAC)
    return macOf(octets.toString('hex', 2))
  if (text !== undefined) return macOf(text)
  return octets.length === CISCO_MAC ? macOf(octets.toString('hex')) : undefined
}

function textOf(octets: Buffer): string | undefined {
  if (octets.length === 0) return undefined
  for (const octet of octets) if (octet < 0x20 || octet > 0x7e) return undefined
  return octets.toString('latin1')
}
