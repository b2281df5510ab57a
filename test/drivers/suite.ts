import type { Test } from 'tap'
import {
  type AnyDriver,
  type Applied,
  type Capability,
  DriverError,
  type DriverErrorCode,
  type SessionRef,
  type SubscriberRef,
  type Treatment
} from '../../agent/model/index.js'
import { badInputs, type BadInputs } from './bad-input.js'

/** How the simulated device behaves. `hangs`: takes the request and never answers; `unreachable`: nobody is there. */
export type Behaviour = 'answers' | 'hangs' | 'unreachable' | 'wrong-credential' | 'garbage'

/** A driver, the simulated device behind it, and somebody who is online there. */
export interface DriverBench {
  readonly driver: AnyDriver
  readonly who: SubscriberRef
  /** Somebody whom nobody authenticates: their rate is the device's. Default `who`. */
  readonly line?: SubscriberRef
  /** What the device can be told by `block` and `change`. */
  readonly treatment: Treatment
  /** Words that no error may hold: the shared secret, the password. */
  readonly credential: string
}

/** What differs from driver to driver. */
export interface DriverSuiteOptions {
  /** Opens a driver and its device, closed by `t.teardown`. */
  readonly open: (t: Test, behaviour: Behaviour) => Promise<DriverBench>
  /** The code of a wrong credential. Default AUTH. */
  readonly wrongCredential?: DriverErrorCode
  /** What real devices do wrong, and the words that no error about it may hold. */
  readonly bad: BadInputs
  readonly credential: string
}

/** The failure of a driver that is expected to fail. */
export async function failureOf(promise: Promise<unknown>): Promise<DriverError> {
  const error = await failure(promise)
  if (error instanceof DriverError) return error
  throw error
}

type Verb = 'block' | 'restore' | 'disconnect' | 'change' | 'setRate' | 'observe'
const verbs: readonly Verb[] = ['block', 'restore', 'disconnect', 'change', 'setRate', 'observe']
const all: readonly Capability[] = [...verbs, 'readCounters', 'provision', 'reboot']

/** What every driver must do, whatever it drives. A driver's own test calls it in one line. */
export function driverSuite(t: Test, name: string, options: DriverSuiteOptions): void {
  t.test(`${name} meets the contract of drivers`, t => {
    t.test('it can do what it claims, and claims what it can do', async t => {
      const { driver } = await options.open(t, 'answers')
      t.equal(driver.name, name)
      for (const capability of all) {
        t.equal(typeof driver[capability] === 'function', driver.capabilities.includes(capability), capability)
      }
    })

    t.test('health is a sentence about a device that answers', async t => {
      const { driver } = await options.open(t, 'answers')
      t.match(await driver.health(never()), /\w+ .*\w/)
    })

    t.test('asked twice, the second answer is "unchanged"', async t => {
      const { driver } = await options.open(t, 'answers')
      for (const verb of driver.capabilities.filter(isActing)) {
        const bench = await options.open(t, 'answers')
        t.equal((await act(bench, verb)).result, 'changed', `${verb} once`)
        t.equal((await act(bench, verb)).result, 'unchanged', `${verb} twice`)
      }
    })

    t.test('it says what it knows of treatments: where that is nothing, no reading has one', async t => {
      const { driver, who } = await options.open(t, 'answers')
      const reading = await driver.observe?.(who, never())
      if (reading !== undefined) t.equal(reading.treatment === undefined, driver.sees === 'nothing', reading.detail)
      const cuts = driver.capabilities.some(verb => verb === 'block' || verb === 'disconnect')
      t.notOk(cuts && driver.sees === 'nothing', 'whoever cuts somebody off can tell at least what it did')
    })

    fails(t, options, 'hangs', 'TIMEOUT', 'a device that hangs is given up when the signal says so')
    fails(t, options, 'unreachable', 'UNREACHABLE', 'a device that is not there is unreachable')
    fails(t, options, 'garbage', 'PROTOCOL', 'garbage is an error of the protocol')
    const wrong = options.wrongCredential ?? 'AUTH'
    fails(t, options, 'wrong-credential', wrong, 'a wrong credential is said to be one')

    badInputs(t, options.bad, options.credential)

    t.test('close may be called twice', async t => {
      const { driver } = await options.open(t, 'answers')
      await driver.close()
      await t.resolves(driver.close())
    })
    t.end()
  })
}

function fails(t: Test, { open }: DriverSuiteOptions, behaviour: Behaviour, code: DriverErrorCode, name: string): void {
  t.test(name, async t => {
    const { driver } = await open(t, behaviour)
    for (const verb of driver.capabilities.filter(isVerb)) {
      const bench = await open(t, behaviour)
      const error = await failure(act(bench, verb, patience(code)))
      t.type(error, DriverError, `${verb} fails with a DriverError`)
      t.equal(error instanceof DriverError && error.code, code, `${verb}: ${String(error)}`)
      t.notMatch(String(error), bench.credential, 'no credential in the error')
    }
    const bench = await open(t, behaviour)
    const error = await failure(bench.driver.health(patience(code)))
    t.equal(error instanceof DriverError && error.code, code, `health: ${String(error)}`)
  })
}

/** A failure that time decides is waited for as long as it must be; any other comes as soon as a busy machine lets it. */
function patience(code: DriverErrorCode): AbortSignal {
  return AbortSignal.timeout(code === 'TIMEOUT' || code === 'UNREACHABLE' ? 150 : 3000)
}

type Call = (bench: DriverBench, session: SessionRef, signal: AbortSignal) => Promise<unknown> | undefined

const calls: Readonly<Record<Verb, Call>> = {
  block: ({ driver, who, treatment }, _session, signal) => driver.block?.(who, treatment, signal),
  restore: ({ driver, who }, _session, signal) => driver.restore?.(who, signal),
  disconnect: ({ driver }, session, signal) => driver.disconnect?.(session, signal),
  change: ({ driver, treatment }, session, signal) => driver.change?.(session, treatment, signal),
  setRate: ({ driver, who, line = who }, _session, signal) =>
    driver.setRate?.(line, { up: 1_000_000, down: 2_000_000 }, signal),
  observe: ({ driver, who }, _session, signal) => driver.observe?.(who, signal)
}

async function act(bench: DriverBench, verb: Verb, signal = never()): Promise<Partial<Applied>> {
  const [session] = bench.who.sessions
  if (session === undefined) throw new Error('the bench has nobody online')
  return (await calls[verb](bench, session, signal)) as Partial<Applied>
}

function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    value => new Error(`it did not fail, but gave ${JSON.stringify(value)}`),
    (error: unknown) => error
  )
}

function isVerb(capability: Capability): capability is Verb {
  return (verbs as readonly Capability[]).includes(capability)
}

function isActing(capability: Capability): capability is Verb {
  return isVerb(capability) && capability !== 'observe'
}

function never(): AbortSignal {
  return new AbortController().signal
}
