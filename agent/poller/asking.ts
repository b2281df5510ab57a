import { type After, type CounterSample, DriverError, type Milliseconds } from '../model/index.js'
import type { PolledDriver } from './needs.js'
import type { Found } from './reachability.js'

/** What one poll of a device brought: also half of it, where it failed in the middle. */
export interface Answer {
  readonly found: Found
  /** Of the ports that are wanted and named once. */
  readonly samples: ReadonlyMap<string, CounterSample>
  /** Wanted ports whose name the device gives to several. */
  readonly ambiguous: readonly string[]
  /** Ports that it counts. */
  readonly ports: number
  /** Those that are not wanted: how many, and the first of them. */
  readonly unclaimed: { readonly count: number; readonly first: readonly string[] }
}

/** What is wanted of a device, and how long it may take. */
export interface Question {
  /** Whether a port of this name matters; absent: only whether the device is there. */
  readonly wanted?: (port: string) => boolean
  readonly deadline: Milliseconds
  /** Called when the answer is not whole after `patience`. */
  readonly tired: () => void
  readonly patience: Milliseconds
  readonly after: After
  /** Hears of what a driver should not have thrown. */
  readonly report: (error: unknown) => void
}

const NAMED = 20
const KIND = /^(?:interface|device|address):/

/** The port that a sample is about, as documents name it: `ether3`, `192.0.2.1`; others with their kind: `queue:lan`. */
export function portOf({ key }: CounterSample): string {
  return key.replace(KIND, '')
}

/** Counters as they come: memory is that of the wanted ports, however many the device has. */
class Gathering {
  readonly samples = new Map<string, CounterSample>()
  readonly ambiguous = new Set<string>()
  readonly first: string[] = []
  ports = 0
  unclaimed = 0

  take(sample: CounterSample, wanted: (port: string) => boolean): void {
    const port = portOf(sample)
    this.ports++
    if (!wanted(port)) {
      this.unclaimed++
      if (this.first.length < NAMED) this.first.push(port)
    } else if (this.samples.has(port) || this.ambiguous.has(port)) {
      // Two counters under one name would look like resets, again and again.
      this.samples.delete(port)
      this.ambiguous.add(port)
    } else this.samples.set(port, sample)
  }

  /** As it stands: a driver that was left behind may still bring more. */
  answer(found: Found): Answer {
    const { ports, unclaimed, first } = this
    return {
      found,
      samples: new Map(this.samples),
      ambiguous: [...this.ambiguous],
      ports,
      unclaimed: { count: unclaimed, first: [...first] }
    }
  }
}

/**
 * Asks a device once. Never rejects, and never takes longer than the deadline, whatever the driver does.
 * @param stopping  gives up at once when it aborts
 */
export async function ask(driver: PolledDriver, question: Question, stopping: AbortSignal): Promise<Answer> {
  const { after, deadline, patience, tired } = question
  const controller = new AbortController()
  const giveUp = (): void => controller.abort()
  const cancels = [after(deadline, giveUp), after(patience, tired)]
  stopping.addEventListener('abort', giveUp, { once: true })
  const gathering = new Gathering()
  try {
    const detail = await orAborted(talk(driver, question, gathering, controller.signal), controller.signal)
    return gathering.answer({ ok: true, detail })
  } catch (error) {
    return gathering.answer(controller.signal.aborted ? tooLate(deadline, gathering.ports) : failed(error, question))
  } finally {
    for (const cancel of cancels) cancel()
    stopping.removeEventListener('abort', giveUp)
    controller.abort()
  }
}

async function talk(
  driver: PolledDriver,
  { wanted }: Question,
  gathering: Gathering,
  signal: AbortSignal
): Promise<string> {
  if (wanted === undefined || driver.readCounters === undefined) return driver.health(signal)
  for await (const sample of driver.readCounters(signal)) {
    if (signal.aborted) break
    gathering.take(sample, wanted)
  }
  return `It answers, and counts the octets of ${gathering.ports} ports.`
}

/** A driver that does not heed its signal is left behind. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new DriverError('TIMEOUT', 'The device did not answer in time.'))
    if (signal.aborted) late()
    else signal.addEventListener('abort', late, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', late))
  })
}

function tooLate(deadline: Milliseconds, ports: number): Found {
  const seconds = `${deadline / 1000} s`
  const detail =
    ports === 0
      ? `The device did not answer within ${seconds}: check its power, the way to it, and who may ask it.`
      : `The device had told ${ports} ports when its ${seconds} were over: give it longer (options.poll.deadline) or, with SNMP, more rows at once (options.repetitions).`
  return { ok: false, detail, code: 'TIMEOUT' }
}

function failed(error: unknown, { report }: Question): Found {
  if (error instanceof DriverError) return { ok: false, detail: error.message, code: error.code }
  report(error)
  return { ok: false, detail: 'The driver failed; the log of the agent tells why.', code: 'PROTOCOL' }
}
