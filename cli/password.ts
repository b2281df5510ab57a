import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { SecretStore } from '../config/index.js'
import { CliError } from './errors.js'

/**
 * A password by reference, typed without an echo, or from the first line of standard input. Never from the command
 * line: every user of the box could read it there.
 * @throws ConfigError for a reference, CliError `CLI_USAGE` when nothing comes
 */
export async function readPassword(reference: string | undefined): Promise<string> {
  if (reference !== undefined) return new SecretStore().text(reference)
  const line = await readAnswer('password', { echo: false })
  if (line !== undefined) return line
  throw new CliError('CLI_USAGE', 'No password came: type it, pipe it in, or name it by --password file:PATH.')
}

/** A line from standard input, asked for on a terminal; undefined when none comes. */
export async function readAnswer(question: string, { echo }: { echo: boolean }): Promise<string | undefined> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = process.stdin.isTTY
  if (terminal) process.stderr.write(`${question}: `)
  const lines = createInterface({ input: process.stdin, output: echo ? process.stderr : silent, terminal })
  try {
    for await (const line of lines) return line
  } finally {
    lines.close()
    if (terminal && !echo) process.stderr.write('\n')
  }
  return undefined
}
