import { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import type { Ledger, TableChange } from '../ledger/contract.js'
import { noticeEntry, readNotice, RecordKind, type Clock, type Command, type CommandOutcome } from '../model/index.js'
import { SubscribersError } from './errors.js'
import { positionChange, toPosition, type FeedPosition } from './position.js'

/*
 * Table 'command', key the command's id, value the JSON of `Stored`.
 *
 * A command goes pending → completing → completed. `completing` is written with the sequence from which its record
 * may stand in the ledger, so that a crash between the record and the last write neither loses nor repeats it. `begun`
 * is written before something is sent that must not be sent twice: a crash after that ends the command.
 */
interface Stored {
  readonly command: Command
  readonly state: 'pending' | 'completing' | 'completed'
  /** When it came or was completed, ms. */
  readonly at: number
  readonly outcome?: CommandOutcome
  readonly words?: string
  readonly after?: number
  readonly begun?: true
}

const UNKNOWN =
  'The agent was stopped in the middle of it and cannot tell whether it was done: the outcome is unknown, and it is not done again. Look at the device, and order it anew if it was not.'

/** Completed commands remembered, so that a replay is recognised. */
const REMEMBERED = 10_000

export interface CommandsEvents {
  /** A new command, once it is durable. */
  requested: [Command]
}

/** Billing's commands: each is done once however often it is sent, and ends in one `turnpike.command.completed`. */
export class Commands extends EventEmitter<CommandsEvents> {
  readonly #ledger: Ledger
  readonly #clock: Clock
  readonly #log: Logger | undefined
  readonly #pending = new Map<string, Stored>()
  /** Ids of completed ones, oldest first. */
  readonly #completed = new Set<string>()
  /** Ids whose record stands in the ledger while the table does not say so yet: a second attempt must not add one. */
  readonly #recorded = new Set<string>()
  readonly #completing = new Map<string, Promise<void>>()
  readonly #requesting = new Map<string, Promise<void>>()

  private constructor(ledger: Ledger, clock: Clock, log: Logger | undefined) {
    super()
    this.#ledger = ledger
    this.#clock = clock
    this.#log = log
  }

  /** Loads the table; finishes what a crash interrupted and what expired meanwhile. */
  static async open(ledger: Ledger, clock: Clock, options: { log?: Logger } = {}): Promise<Commands> {
    const commands = new Commands(ledger, clock, options.log)
    for (const stored of await readAll(ledger)) {
      if (stored.state === 'completed') commands.#completed.add(stored.command.id)
      else commands.#pending.set(stored.command.id, stored)
    }
    await commands.#recover()
    return commands
  }

  /**
   * Takes a command over, with the feed's position in the same durable write; `requested` follows. One that is known
   * already moves the position alone. One whose deadline has passed ends as `expired` at once.
   * @throws LedgerError
   */
  async request(command: Command, position?: string | FeedPosition): Promise<void> {
    await this.#requesting.get(command.id)?.catch(() => {})
    const writes: TableChange[] = position === undefined ? [] : [positionChange(toPosition(position))]
    if (this.#pending.has(command.id) || this.#completed.has(command.id)) {
      if (writes.length > 0) await this.#ledger.write(writes)
      return
    }
    const taken = this.#take(command, writes)
    this.#requesting.set(command.id, taken)
    await taken.finally(() => this.#requesting.delete(command.id))
    if (isOverdue(command, this.#clock())) await this.complete(command.id, 'expired', 'its deadline had passed')
    else this.#tell(command)
  }

  /**
   * Ends a command: one record in the ledger, durable when this resolves. A second time changes nothing.
   * @param words what happened, a sentence for a person
   * @throws SubscribersError `SUBSCRIBERS_UNKNOWN_COMMAND`; LedgerError, and the command stays pending
   */
  complete(id: string, outcome: CommandOutcome, words: string): Promise<void> {
    if (this.#completed.has(id)) return Promise.resolve()
    const running = this.#completing.get(id)
    if (running !== undefined) return running
    const stored = this.#pending.get(id)
    if (stored === undefined) return Promise.reject(new SubscribersError('SUBSCRIBERS_UNKNOWN_COMMAND', id))
    const done = this.#complete({
      ...stored,
      state: 'completing',
      outcome,
      words,
      at: this.#clock(),
      after: this.#ledger.next
    }).finally(() => this.#completing.delete(id))
    this.#completing.set(id, done)
    return done
  }

  /**
   * Notes that a command is about to do what must not be done twice; to be called before that is sent. Should the agent
   * end before `complete`, the next `open` ends the command as `failed`, and says that its outcome is unknown.
   * @throws SubscribersError `SUBSCRIBERS_UNKNOWN_COMMAND`; LedgerError, and then it must not be sent
   */
  async begin(id: string): Promise<void> {
    const stored = this.#pending.get(id)
    if (stored === undefined) throw new SubscribersError('SUBSCRIBERS_UNKNOWN_COMMAND', id)
    const begun: Stored = { ...stored, begun: true }
    await this.#ledger.write([change(begun)])
    this.#pending.set(id, begun)
  }

  /** Commands that nobody has completed, oldest first. */
  pending(): Command[] {
    return [...this.#pending.values()].map(({ command }) => command)
  }

  /** A listener that throws must not make a command look refused that has been taken over. */
  #tell(command: Command): void {
    try {
      this.emit('requested', command)
    } catch (error) {
      this.#log?.error({ err: error, command: command.id }, 'a listener of the commands failed')
    }
  }

  async #take(command: Command, writes: TableChange[]): Promise<void> {
    const stored: Stored = { command, state: 'pending', at: this.#clock() }
    await this.#ledger.write([...writes, change(stored)])
    this.#pending.set(command.id, stored)
  }

  async #complete(stored: Stored): Promise<void> {
    const { id } = stored.command
    if (!this.#recorded.has(id)) {
      await this.#ledger.write([change(stored)])
      await this.#record(stored)
      this.#recorded.add(id)
    }
    await this.#finish(stored)
  }

  async #record({ command, outcome, words, at }: Stored): Promise<void> {
    const notice = { subject: command.id, command: command.id, verb: command.verb, outcome, words }
    await this.#ledger.append([noticeEntry(RecordKind.commandCompleted, at, notice)]).durable
  }

  async #finish(stored: Stored): Promise<void> {
    const { id } = stored.command
    const forgotten = this.#completed.size >= REMEMBERED ? oldest(this.#completed) : undefined
    // Its id is all that is asked for from now on; what it said need not lie here.
    const writes = [change({ ...stored, command: { id, verb: stored.command.verb }, state: 'completed' })]
    if (forgotten !== undefined) writes.push({ table: 'command', key: forgotten, value: undefined })
    await this.#ledger.write(writes)
    if (forgotten !== undefined) this.#completed.delete(forgotten)
    this.#pending.delete(id)
    this.#recorded.delete(id)
    this.#completed.add(id)
  }

  async #recover(): Promise<void> {
    for (const stored of this.#pending.values()) {
      const { command } = stored
      if (stored.state === 'completing') {
        if (!(await isRecorded(this.#ledger, stored))) await this.#record(stored)
        await this.#finish(stored)
        this.#log?.info({ command: command.id }, 'a command that a stop interrupted has been completed')
      } else if (stored.begun === true) await this.complete(command.id, 'failed', UNKNOWN)
      else if (isOverdue(command, this.#clock())) await this.complete(command.id, 'expired', 'its deadline passed')
    }
  }
}

function isOverdue({ deadline }: Command, now: number): boolean {
  return deadline !== undefined && Date.parse(deadline) < now
}

function change(stored: Stored): TableChange {
  return { table: 'command', key: stored.command.id, value: Buffer.from(JSON.stringify(stored)) }
}

function oldest(ids: Set<string>): string | undefined {
  for (const id of ids) return id
  return undefined
}

async function readAll(ledger: Ledger): Promise<Stored[]> {
  const all: Stored[] = []
  for await (const [, value] of ledger.entries('command')) all.push(JSON.parse(value.toString()) as Stored)
  return all.sort((a, b) => a.at - b.at)
}

/** Whether the record of a completion reached the ledger before the stop. */
async function isRecorded(ledger: Ledger, { command, after = 1 }: Stored): Promise<boolean> {
  if (after > ledger.durableHead) return false
  for await (const block of ledger.read(after)) {
    if ('lost' in block) continue
    for (const { kind, payload } of block.records)
      if (kind === RecordKind.commandCompleted && readNotice(payload)['command'] === command.id) return true
  }
  return false
}
