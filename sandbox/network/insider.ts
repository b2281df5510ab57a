import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** What a process in a namespace can be asked for, by name. */
export type Verbs = Readonly<Record<string, (...args: never[]) => unknown>>

type Question = { readonly id: number; readonly verb: string; readonly args: readonly unknown[] }
type Answer = { readonly id: number; readonly value?: unknown; readonly error?: string }
type Told<T> = { readonly told: T }

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** A module of this folder that runs as a process in a namespace, and ends with ours. */
export class Insider<V extends Verbs, T = never> {
  readonly #netns: string
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0

  /** @param hears  what it tells without being asked */
  constructor(netns: string, module: string, hears: (told: T) => void = () => undefined) {
    this.#netns = netns
    // In a process group of its own, so that Ctrl-C reaches us alone.
    this.#child = spawn('ip', ['netns', 'exec', netns, process.execPath, join(import.meta.dirname, module)], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc']
    })
    this.#child.on('message', (message: Answer | Told<T>) => {
      if ('told' in message) hears(message.told)
      else this.#answered(message)
    })
    this.#child.on('error', error => this.#over(error.message))
    this.#child.on('exit', () => this.#over('it ended'))
  }

  /** @throws Error with what went wrong in there, or that the process ended */
  ask<N extends keyof V & string>(verb: N, ...args: Parameters<V[N]>): Promise<Awaited<ReturnType<V[N]>>> {
    const id = ++this.#asked
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: value => resolve(value as Awaited<ReturnType<V[N]>>), reject })
      this.#child.send(
        { id, verb, args } satisfies Question,
        error => error && this.#answered({ id, error: error.message })
      )
    })
  }

  /** Ends the process; what it was asked for and did not answer fails. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  #answered({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }

  #over(why: string): void {
    for (const id of this.#waiting.keys()) this.#answered({ id, error: `the process in ${this.#netns}: ${why}` })
  }
}

/** The other end, in the namespace: answers by these verbs until the process that asks is gone. */
export function answerWith(verbs: Verbs): void {
  const answer = async ({ id, verb, args }: Question): Promise<void> => {
    try {
      tellParent({ id, value: await verbs[verb]?.(...(args as never[])) })
    } catch (error) {
      tellParent({ id, error: error instanceof Error ? error.message : String(error) })
    }
  }
  process.on('message', (question: Question) => void answer(question))
  process.on('disconnect', () => process.exit())
}

/** Tells the process that made this one something that it did not ask for. */
export function tell(told: unknown): void {
  tellParent({ told })
}

function tellParent(message: Answer | Told<unknown>): void {
  process.send?.(message)
}
