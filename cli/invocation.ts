import type { Command } from 'commander'
import type { Config } from '../config/index.js'
import type { ApiClient } from './client.js'
import { CliError } from './errors.js'

/** Options that every command takes. */
export interface CommonOptions {
  readonly config?: string
  readonly socket?: string
  readonly json?: boolean
  readonly debug?: boolean
}

/**
 * What a command works with: its common options, the configuration, the agent, and where it writes. What a command
 * does not need is not loaded: the shortest answer should not wait for the schema compiler.
 */
export class Invocation {
  readonly #options: CommonOptions

  constructor(command: Command) {
    this.#options = command.optsWithGlobals<CommonOptions>()
  }

  get json(): boolean {
    return this.#options.json === true
  }

  /** The configuration file: asked for, or found; undefined when there is none. */
  async configFile(): Promise<string | undefined> {
    const { findConfigFile } = await import('../config/index.js')
    return findConfigFile(this.#options.config)
  }

  /** @throws ConfigError */
  async config(): Promise<Config> {
    const { loadConfig } = await import('../config/index.js')
    return loadConfig(await this.configFile())
  }

  /** Asks the running agent. @throws CliError `CLI_NOT_RUNNING`, `CLI_NOT_ALLOWED`, `CLI_REFUSED` */
  async ask<T>(question: (agent: ApiClient) => Promise<T>): Promise<T> {
    const { ApiClient } = await import('./client.js')
    const agent = new ApiClient(await this.#socket())
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

  /** --socket, TURNPIKE_SOCKET, or what the configuration says. */
  async #socket(): Promise<string> {
    return this.#options.socket ?? process.env['TURNPIKE_SOCKET'] ?? (await this.config()).api.socket
  }
}

/** A whole number from the command line. @throws CliError `CLI_USAGE` */
export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new CliError('CLI_USAGE', `A whole number belongs here, not «${text}».`)
}

/** A port from the command line; 0 lets the system choose. @throws CliError `CLI_USAGE` */
export function portNumber(text: string): number {
  const port = wholeNumber(text)
  if (port <= 65535) return port
  throw new CliError('CLI_USAGE', `A port is a whole number up to 65535, not ${text}.`)
}

/** A port that somebody else listens on: never 0. @throws CliError `CLI_USAGE` */
export function knownPort(text: string): number {
  const port = portNumber(text)
  if (port > 0) return port
  throw new CliError('CLI_USAGE', 'Nobody listens on port 0: name the one that is listened on.')
}
