import type { Logger } from 'pino'
import {
  type Clock,
  type Command,
  type CommandOutcome,
  DriverError,
  driverErrors,
  isTemplateValues,
  type Milliseconds,
  type SubscriberRef,
  within
} from '../model/index.js'
import { ProvisioningError } from './errors.js'
import type { Provisioner, ProvisionOrder } from './provisioner.js'

/** Billing's commands, as far as they are needed here. */
export interface CommandsView {
  on(event: 'requested', listener: (command: Command) => void): unknown
  off(event: 'requested', listener: (command: Command) => void): unknown
  pending(): readonly Command[]
  /** Notes on disk that a command does now what it must not do twice. */
  begin(id: string): Promise<void>
  complete(id: string, outcome: CommandOutcome, words: string): Promise<unknown>
}

export interface DeviceCommandsOptions {
  readonly commands: CommandsView
  readonly provisioner: Provisioner
  /** A subscriber as the driver of a device must find them; undefined where there is none of that id. */
  readonly whoIs: (subscriber: string, device: string) => SubscriberRef | undefined
  readonly clock: Clock
  readonly log: Logger
}

/** Of a command without a deadline, or with one that is far. */
const LONGEST: Milliseconds = 600_000

interface Ended {
  readonly outcome: CommandOutcome
  readonly words: string
}

/**
 * Does the commands that concern devices: `provision` (arguments `template`, `device`, `values`, `dryRun`), `diagnose` and
 * `reboot` (`device`, and `subscriber` where it is about somebody behind it). Others are left to those whom they concern.
 * What a stop interrupts is taken back, stays pending and is done at the next start: what is on the device already is
 * found there. Only a restart is not ordered again, not even after a crash: it may have been done.
 */
export class DeviceCommands {
  readonly #options: DeviceCommandsOptions
  readonly #running = new Map<string, Promise<void>>()

  constructor(options: DeviceCommandsOptions) {
    this.#options = options
  }

  start(): void {
    const { commands } = this.#options
    commands.on('requested', this.#requested)
    for (const command of commands.pending()) this.#requested(command)
  }

  /** Resolves when all that was under way has been taken back. */
  async close(): Promise<void> {
    this.#options.commands.off('requested', this.#requested)
    this.#options.provisioner.close()
    await Promise.all(this.#running.values())
  }

  readonly #requested = (command: Command): void => {
    const act = this.#actOf(command)
    if (act === undefined || this.#running.has(command.id)) return
    const running = this.#run(command, act).finally(() => this.#running.delete(command.id))
    this.#running.set(command.id, running)
  }

  #actOf({ id, verb, arguments: given = {} }: Command): ((signal: AbortSignal) => Promise<Ended>) | undefined {
    const { commands, provisioner } = this.#options
    switch (verb) {
      case 'provision':
        return signal => this.#provision(given, signal)
      case 'diagnose':
        return signal => this.#about(given, (device, who) => provisioner.diagnose(device, who, signal))
      case 'reboot':
        return signal =>
          this.#about(given, (device, who) => provisioner.reboot(device, who, signal, () => commands.begin(id)))
      default:
        return undefined
    }
  }

  async #run(command: Command, act: (signal: AbortSignal) => Promise<Ended>): Promise<void> {
    const { commands, provisioner, clock, log } = this.#options
    const left = command.deadline === undefined ? LONGEST : Date.parse(command.deadline) - clock()
    try {
      const ended = left <= 0 ? expired('Its deadline had passed.') : await this.#inTime(command, left, act)
      if (provisioner.closed && ended.outcome !== 'done' && command.verb !== 'reboot') return
      await commands.complete(command.id, ended.outcome, ended.words)
    } catch (error) {
      log.error({ err: error, command: command.id }, 'the outcome of a command could not be recorded')
    }
  }

  /** What failed because its deadline came has expired; the words say what was taken back. */
  #inTime(command: Command, left: Milliseconds, act: (signal: AbortSignal) => Promise<Ended>): Promise<Ended> {
    return within(Math.min(left, LONGEST), [], async signal => {
      const ended = await act(signal).catch((error: unknown) => this.#failed(command, error))
      const isLate = signal.aborted && command.deadline !== undefined && ended.outcome === 'failed'
      return isLate ? expired(`Its deadline passed. ${ended.words}`) : ended
    })
  }

  async #provision(given: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Ended> {
    const order = orderOf(given)
    if (typeof order === 'string') return refused(order)
    const { detail } = await this.#options.provisioner.provision(order, 'billing', signal)
    return { outcome: 'done', words: detail }
  }

  async #about(
    { device, subscriber }: Readonly<Record<string, unknown>>,
    act: (device: string, who: SubscriberRef | undefined) => Promise<string>
  ): Promise<Ended> {
    if (typeof device !== 'string') return refused('The arguments name no device.')
    const who = typeof subscriber === 'string' ? this.#options.whoIs(subscriber, device) : undefined
    if (subscriber !== undefined && who === undefined) return refused('The subscriber of the arguments is not known.')
    return { outcome: 'done', words: await act(device, who) }
  }

  #failed({ id }: Command, error: unknown): Ended {
    if (error instanceof ProvisioningError) return refused(error.message)
    if (error instanceof DriverError)
      return { outcome: 'failed', words: `${error.message} ${driverErrors[error.code].remedy}` }
    this.#options.log.error({ err: error, command: id }, 'a command failed in a way that nobody expected')
    return { outcome: 'failed', words: 'The agent failed at this; its log has the reason.' }
  }
}

/** Reads the arguments of `provision`. @returns what is wrong, in words, where they do not fit */
function orderOf(given: Readonly<Record<string, unknown>>): ProvisionOrder | string {
  const { template, device, values = {}, dryRun = false } = given
  if (typeof template !== 'string' || typeof device !== 'string') return 'The arguments need a template and a device.'
  if (typeof dryRun !== 'boolean') return 'The argument dryRun is true or false.'
  if (!isTemplateValues(values))
    return 'The argument values is an object whose values are texts, numbers, true or false.'
  return { template, device, values, dryRun }
}

function refused(words: string): Ended {
  return { outcome: 'refused', words }
}

function expired(words: string): Ended {
  return { outcome: 'expired', words }
}
