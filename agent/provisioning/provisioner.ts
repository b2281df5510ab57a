import {
  type AnyDriver,
  type Applied,
  type Device,
  DriverError,
  type Provisioning,
  type SubscriberRef,
  type TemplateSummary,
  type TemplateValues,
  Turns,
  within,
  withWords
} from '../model/index.js'
import { ProvisioningError } from './errors.js'
import { fromBilling, fromHere, type SecretSources } from './references.js'

/** What somebody wants done: a template onto a device. */
export interface ProvisionOrder {
  readonly template: string
  readonly device: string
  readonly values: TemplateValues
  readonly dryRun: boolean
}

/** The templates: files that this module does not read itself. */
export interface Templates {
  list(): readonly TemplateSummary[]
  /**
   * Fills a template in for a driver.
   * @param secret  turns what was given for a secret variable into the secret
   * @throws ProvisioningError `PROVISIONING_TEMPLATE`, `PROVISIONING_VALUES`
   */
  render(order: ProvisionOrder, driver: string, secret: (name: string, given: string) => string): Provisioning
}

export interface ProvisionerOptions extends SecretSources {
  readonly templates: Templates
  readonly device: (id: string) => Device | undefined
  readonly driverOf: (id: string) => AnyDriver | undefined
}

/** A device is left alone after so long, whatever the caller's patience. Milliseconds. */
const LIMIT = 180_000
/** Within this it must show that it is there, of the right make, and takes our login. Milliseconds. */
const KNOCK = 15_000

/** Brings templates onto devices, one order a device at a time. It never tries again by itself. */
export class Provisioner {
  readonly #options: ProvisionerOptions
  readonly #stop = new AbortController()
  readonly #turns = new Map<string, Turns>()

  constructor(options: ProvisionerOptions) {
    this.#options = options
  }

  templates(): readonly TemplateSummary[] {
    return this.#options.templates.list()
  }

  /**
   * Does an order, checks every step and takes back what was done where one fails.
   * @param from  who gave the secrets: billing by reference only
   * @throws ProvisioningError when nothing was sent; DriverError with what was taken back, and what could not be
   */
  async provision(order: ProvisionOrder, from: 'billing' | 'here', signal: AbortSignal): Promise<Applied> {
    const { driver: name } = this.#device(order.device)
    const secretOf = from === 'billing' ? fromBilling : fromHere
    const want = this.#options.templates.render(order, name, (variable, given) =>
      secretOf(this.#options, variable, given)
    )
    return this.#alone(order.device, signal, async (driver, until) => {
      if (driver.provision === undefined) throw unable(driver, order.device, 'provision')
      await knock(driver, until)
      return driver.provision(want, until)
    })
  }

  /**
   * What a device says of itself, and of somebody.
   * @throws ProvisioningError, DriverError
   */
  async diagnose(device: string, who: SubscriberRef | undefined, signal: AbortSignal): Promise<string> {
    this.#device(device)
    return this.#alone(device, signal, async (driver, until) => {
      const health = await driver.health(until)
      if (who === undefined || driver.observe === undefined) return health
      return `${health} ${(await driver.observe(who, until)).detail}`
    })
  }

  /**
   * Restarts a device, or the CPE of somebody behind it.
   * @param begin  called before the restart is sent, which waits for it; where it fails nothing is sent
   * @throws ProvisioningError, DriverError, and what `begin` throws
   */
  async reboot(
    device: string,
    who: SubscriberRef | undefined,
    signal: AbortSignal,
    begin: () => Promise<void>
  ): Promise<string> {
    this.#device(device)
    return this.#alone(device, signal, async (driver, until) => {
      if (driver.reboot === undefined) throw unable(driver, device, 'restart anything')
      await knock(driver, until)
      await begin()
      until.throwIfAborted()
      return (await driver.reboot(who, until)).detail
    })
  }

  /** Whether it was closed: what fails from then on may only have been given up. */
  get closed(): boolean {
    return this.#stop.signal.aborted
  }

  /** Gives up what is under way: it is taken back as after any failure. */
  close(): void {
    this.#stop.abort()
  }

  #device(id: string): Device {
    const device = this.#options.device(id)
    if (device !== undefined) return device
    throw new ProvisioningError('PROVISIONING_NO_DEVICE', `There is no device «${id}».`)
  }

  #alone<T>(id: string, signal: AbortSignal, act: (driver: AnyDriver, until: AbortSignal) => Promise<T>): Promise<T> {
    const turns = this.#turns.get(id) ?? new Turns()
    this.#turns.set(id, turns)
    return within(LIMIT, [signal, this.#stop.signal], until =>
      turns.take(until, async () => {
        // Asked for now: while this one waited, the document and with it the driver may have changed.
        const driver = this.#options.driverOf(id)
        if (driver !== undefined) return act(driver, until)
        const words = `The device ${id} cannot be driven.`
        throw new ProvisioningError('PROVISIONING_NO_DRIVER', words)
      })
    )
  }
}

function unable({ name }: AnyDriver, device: string, what: string): ProvisioningError {
  return new ProvisioningError(
    'PROVISIONING_UNABLE',
    `The driver ${name} of ${device} cannot ${what}. Nothing was sent.`
  )
}

/** Whoever swallows what is said to them, or is another box than we think, is found out before anything is touched. */
async function knock(driver: AnyDriver, signal: AbortSignal): Promise<void> {
  try {
    await within(KNOCK, [signal], soon => driver.health(soon))
  } catch (error) {
    if (!(error instanceof DriverError)) throw error
    const silent = error.code === 'TIMEOUT' && !signal.aborted
    const hint = silent ? `Whoever listens there said nothing for ${KNOCK / 1000} s: is it another make? ` : ''
    throw withWords(error, `${hint}Nothing was changed.`)
  }
}
