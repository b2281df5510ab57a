#!/usr/bin/env node
import { CommanderError } from 'commander'
import { CliError, exit } from './errors.js'
import { createProgram } from './program.js'

const debug = process.argv.includes('--debug')

try {
  await createProgram().parseAsync()
} catch (error) {
  process.exitCode = report(error)
}

/** Tells what failed in a sentence. @returns the exit status */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exit.ok : exit.usage
  const known = error instanceof Error && 'code' in error && typeof error.code === 'string'
  const message = error instanceof Error ? error.message : String(error)
  const where = known || debug ? '' : ' This is unexpected: run the same with --debug and report what it says.'
  process.stderr.write(`turnpike: ${message}${where}\n`)
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  if (error instanceof CliError) return error.status
  return error instanceof Error && error.name === 'ConfigError' ? exit.usage : exit.no
}
