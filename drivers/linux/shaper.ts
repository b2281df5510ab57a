import { DriverError, isRecord, type RateLimit } from '../../agent/model/index.js'
import { firstLine, type Outcome, type Run } from './run.js'
import type { Target } from './target.js'

/** Major number of our HTB, in hexadecimal: so it is told from anybody else's. */
const MAJOR = '7e57'
const FIRST_MINOR = 0x10
const LAST_MINOR = 0xfffe

/** An interface, and the bit/s there. */
type Side = readonly [dev: string, bits: number]

/** The lowest class that nobody has. */
export function freeClass(taken: ReadonlySet<string>): string {
  for (let minor = FIRST_MINOR; minor <= LAST_MINOR; minor++) {
    const classid = `${MAJOR}:${minor.toString(16)}`
    if (!taken.has(classid)) return classid
  }
  throw new DriverError('REJECTED', `All ${LAST_MINOR - FIRST_MINOR + 1} classes of HTB are in use on this box.`)
}

/** The classes of HTB, one a subscriber, on the interfaces that the device document names. */
export class Shaper {
  readonly #run: Run
  readonly #target: Target
  /** Whether the kernel has fq_codel: found out by the first class. */
  #fair = true
  /** Whether our roots were there when we last looked. */
  #rooted = false

  constructor(run: Run, target: Target) {
    this.#run = run
    this.#target = target
  }

  /** Whether there is anything to shape on. */
  get possible(): boolean {
    return this.#target.downlinks.length > 0 && this.#target.uplinks.length > 0
  }

  /** Whether the class has these rates on every interface, as far as `tc` prints them. */
  async has(classid: string, rate: RateLimit, signal: AbortSignal): Promise<boolean> {
    const sides = this.#sides(rate)
    const { stdout } = await this.#batch(showing(sides, classid), [], signal)
    return isShown(stdout, sides)
  }

  /**
   * Makes the class or gives it other rates, and the root it hangs on where there is none.
   * @throws DriverError `REJECTED` when an interface has a root of somebody else's, or is not there
   */
  async set(classid: string, rate: RateLimit, signal: AbortSignal): Promise<void> {
    if (!this.possible)
      throw new DriverError('UNSUPPORTED', 'To shape, the device document must name downlinks and uplinks.')
    if (this.#rooted && (await this.#replace(classid, rate, signal)).status === 0) return
    // All at once, past the roots that are there already: each program takes time, and the packets wait for the last.
    const { stdout, stderr } = await this.#replace(classid, rate, signal, true)
    const sides = this.#sides(rate)
    this.#rooted = isShown(stdout, sides)
    if (this.#rooted) return
    for (const [dev] of sides) await this.#checkRoot(dev, signal)
    throw new DriverError('REJECTED', `tc refused the change: ${firstLine(stderr)}`)
  }

  /** Removes a class. One that is not there is as good as removed. */
  async remove(classid: string, signal: AbortSignal): Promise<void> {
    const { downlinks, uplinks } = this.#target
    const lines = [...downlinks, ...uplinks].map(dev => `class del dev ${dev} classid ${classid}`)
    if (lines.length > 0) await this.#batch(lines, ['-force'], signal)
  }

  /** The class with its leaf on every interface. `rooting`: the roots before them, and what stands then is shown. */
  async #replace(classid: string, rate: RateLimit, signal: AbortSignal, rooting = false): Promise<Outcome> {
    const sides = this.#sides(rate)
    const classes = sides.flatMap(([dev, bits]) => [
      `class replace dev ${dev} parent ${MAJOR}: classid ${classid} htb rate ${bits}bit ceil ${bits}bit quantum 1514`,
      `qdisc replace dev ${dev} parent ${classid} ${this.#fair ? 'fq_codel' : `pfifo limit ${packetsOf(bits)}`}`
    ])
    const roots = sides.map(([dev]) => `qdisc add dev ${dev} root handle ${MAJOR}: htb default 0`)
    const outcome = rooting
      ? await this.#batch([...roots, ...classes, ...showing(sides, classid)], ['-force'], signal)
      : await this.#batch(classes, [], signal)
    if (!this.#fair || !/kind is unknown|unknown qdisc/i.test(outcome.stderr)) return outcome
    this.#fair = false
    return this.#replace(classid, rate, signal, rooting)
  }

  /** @throws DriverError `REJECTED` when the interface is not there, or has a root of somebody else's */
  async #checkRoot(dev: string, signal: AbortSignal): Promise<void> {
    const { status, stdout, stderr } = await this.#run('tc', ['-j', 'qdisc', 'show', 'dev', dev], signal)
    if (status !== 0) throw new DriverError('REJECTED', `The interface ${dev} cannot be shaped: ${firstLine(stderr)}`)
    const root = rootOf(stdout)
    // What the kernel put there by itself has the handle zero.
    if (root === undefined || [`${MAJOR}:`, '0:'].includes(root.handle)) return
    throw new DriverError(
      'REJECTED',
      `The interface ${dev} has a queueing discipline that is not ours (${root.kind} ${root.handle}). Remove it, or do not name the interface.`
    )
  }

  #batch(lines: readonly string[], flags: readonly string[], signal: AbortSignal): Promise<Outcome> {
    return this.#run('tc', [...flags, '-batch', '-'], signal, `${lines.join('\n')}\n`)
  }

  #sides({ up, down }: RateLimit): readonly Side[] {
    const { downlinks, uplinks } = this.#target
    return [
      ...downlinks.map(dev => [dev, Math.round(down)] as const),
      ...uplinks.map(dev => [dev, Math.round(up)] as const)
    ]
  }
}

function showing(sides: readonly Side[], classid: string): readonly string[] {
  return sides.map(([dev]) => `class show dev ${dev} classid ${classid}`)
}

/** Whether every interface shows the class with its rate. */
function isShown(stdout: string, sides: readonly Side[]): boolean {
  const found = [...stdout.matchAll(/\brate (\S+)/g)].map(([, text = '']) => bitsOf(text))
  // Above a million, tc cuts what is not whole thousands.
  const isAsWanted = (wanted: number, bits = Number.NaN) => Math.abs(bits - wanted) <= wanted / 500
  return found.length === sides.length && sides.every(([, wanted], index) => isAsWanted(wanted, found[index]))
}

function rootOf(stdout: string): { kind: string; handle: string } | undefined {
  let found: unknown
  try {
    found = JSON.parse(stdout === '' ? '[]' : stdout)
  } catch (cause) {
    throw new DriverError('PROTOCOL', 'What the program tc wrote is not its JSON. Is it iproute2?', { cause })
  }
  const list: readonly unknown[] = Array.isArray(found) ? found : []
  const root = list.find(qdisc => isRecord(qdisc) && qdisc['root'] === true)
  return isRecord(root) ? { kind: String(root['kind']), handle: String(root['handle']) } : undefined
}

const scales: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 }

function bitsOf(text: string): number {
  const [, digits, scale = ''] = /^([\d.]+)([KMGT]?)bit$/.exec(text) ?? []
  return Number(digits) * (scales[scale] ?? Number.NaN)
}

// A tenth of a second of full packets, and never fewer than TCP's first window.
function packetsOf(bits: number): number {
  return Math.max(10, Math.ceil(bits / 10 / 12_000))
}
