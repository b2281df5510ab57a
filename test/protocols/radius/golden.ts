/*
 * Golden packets: text files whose lines say what octets mean. They are tests, and seeds for the fuzzer.
 *
 *   # …                        a comment; the last one before a step names it
 *   secret <text>              shared secret of the packets that follow
 *   decode <hex>               a packet
 *   attributes <hex>           attributes without a packet around them
 *   match <text>               what it says: Code, then Name = value …
 *   error RAD_…                why it must be discarded
 *   authentic                  it was signed with the secret; a response answers the last request
 *   forged RAD_…               it was not, for this reason
 */
import { readdirSync, readFileSync } from 'node:fs'

/** One line of a golden file that says something. */
export interface Step {
  readonly where: string
  readonly title: string
  readonly verb: string
  readonly rest: string
}

const folder = new URL('../../../../test/protocols/radius/golden/', import.meta.url)

/** All golden files by name. */
export function goldenFiles(): string[] {
  return readdirSync(folder).filter(name => name.endsWith('.txt'))
}

/** The steps of a golden file in their order. */
export function readGolden(file: string): Step[] {
  const steps: Step[] = []
  let title = file
  readFileSync(new URL(file, folder), 'utf8')
    .split('\n')
    .forEach((line, i) => {
      if (line.startsWith('# ')) title = line.slice(2)
      else if (line !== '') {
        const [verb = '', ...rest] = line.split(' ')
        steps.push({ where: `${file}:${i + 1}`, title, verb, rest: rest.join(' ') })
      }
    })
  return steps
}

/** The octets that `decode` and `attributes` give. */
export function octetsOf(step: Step): Buffer {
  return Buffer.from(step.rest.replaceAll(' ', ''), 'hex')
}

/** Every packet in the golden files, malformed ones too. */
export function goldenPackets(): Buffer[] {
  return goldenFiles()
    .flatMap(readGolden)
    .filter(step => step.verb === 'decode')
    .map(octetsOf)
}

/** The attributes in the golden files, those of packets too. */
export function goldenAttributes(): Buffer[] {
  return goldenFiles()
    .flatMap(readGolden)
    .filter(step => step.verb === 'attributes' || step.verb === 'decode')
    .map(step => (step.verb === 'attributes' ? octetsOf(step) : octetsOf(step).subarray(20)))
}
