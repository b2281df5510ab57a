import type { Command } from 'commander'
import { type Config, findConfigFile, loadConfig } from '../config/index.js'
import { ApiClient } from './client.js'
import { CliError } from './errors.js'

/** Options that every command takes. */
export interface CommonOptions {
  readonly config?: string
  readonly socket?: string
  readonly json?: boolean
  readonly debug?: boolean
}

/** What a command works with: its common options, the configuration, the agent, and where it writes. */
export class Invocation {
  readonly #options: CommonOptions

  constructor(command: Command) {
    this.#options = command.optsWithGlobals<CommonOptions>()
  }

  get json(): boolean {
    return this.#options.json === true
  }

  /** The configuration file: asked for, or found; undefined when there is none. */
  get configFile(): string | undefined {
    return findConfigFile(this.#options.config)
  }

  /** @throws ConfigError */
  config(): Config {
    return loadConfig(this.configFile)
  }

  /** The agent's socket: --socket, TURNPIKE_SOCKET, or what the configuration says. */
  get socket(): string {
    return this.#options.socket ?? process.env['TURNPIKE_SOCKET'] ?? this.config().api.socket
  }

  /** Asks the running agent. @throws CliError `CLI_NOT_RUNNING`, `CLI_NOT_ALLOWED`, `CLI_REFUSED` */
  async ask<T>(question: (agent: ApiClient) => Promise<T>): Promise<T> {
    const agent = new ApiClient(this.socket)
    try {
      return await question(agent)
    } finally {
      await agent.close()
    }
  }

  /** Writes the answer: as JSON where that was asked for, else in words. */
  answer<T>(value: T, words: (value: T) => string): void {
    process.stdout.write(this.json ? `${JSON.stringify(value, null, 2)}\n` : words(value))
  }

  /** Writes a line for people on standard error, so that standard output stays clean. */
  tell(line: string): void {
    process.stderr.write(`${line}\n`)
  }
}

/** A whole number from the command line. @throws CliError `CLI_USAGE` */
export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new CliError('CLI_USAGE', `A whole number belongs here, not «${text}».`)
}
