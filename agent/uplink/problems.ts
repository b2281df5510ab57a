import type { Logger } from 'pino'
import type { Ledger } from '../ledger/contract.js'
import { noticeEntry, RecordKind, type Clock } from '../model/index.js'
import type { AgentStatusData } from '../model/edge-api.js'

type Problem = NonNullable<AgentStatusData['problems']>[number]

const MINUTE = 60_000
/** Problems told at once in one minute; more wait for the heartbeat. */
const AT_ONCE = 10
/** Problems in one heartbeat; more are only counted. */
const IN_HEARTBEAT = 20

/** Tells billing and the log what a person there should see; a flood of problems does not become a flood of records. */
export class Problems {
  readonly #ledger: Ledger
  readonly #clock: Clock
  readonly #log: Logger
  #since = 0
  #told = 0
  #waiting: Problem[] = []
  #leftOut = 0

  constructor(ledger: Ledger, clock: Clock, log: Logger) {
    this.#ledger = ledger
    this.#clock = clock
    this.#log = log
  }

  /** Takes a problem in: a `turnpike.agent.status` record now, or a line of the next heartbeat. Never throws. */
  note(problem: Problem): void {
    const now = this.#clock()
    if (Math.abs(now - this.#since) >= MINUTE) {
      this.#since = now
      this.#told = 0
    }
    if (this.#told < AT_ONCE && this.#tell(problem, now)) return
    if (this.#waiting.length < IN_HEARTBEAT) this.#waiting.push(problem)
    else this.#leftOut++
  }

  /** What the heartbeat should carry; empties the list. */
  take(): Pick<AgentStatusData, 'problems' | 'problemsLeftOut'> {
    if (this.#waiting.length === 0) return {}
    const taken = { problems: this.#waiting, problemsLeftOut: this.#leftOut }
    this.#waiting = []
    this.#leftOut = 0
    return taken
  }

  #tell(problem: Problem, now: number): boolean {
    this.#told++
    this.#log.warn(problem, 'a problem that billing is told of')
    try {
      const { durable } = this.#ledger.append([noticeEntry(RecordKind.agentStatus, now, { problems: [problem] })])
      durable.catch((error: unknown) => this.#log.warn({ err: error, problem }, 'a problem could not be recorded'))
      return true
    } catch {
      return false
    }
  }
}
