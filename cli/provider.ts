/*
 * npm run provider: a small provider in network namespaces: a Linux gateway, two subscribers, a web site and a pay page.
 * Billing suspends and restores one of them by the agent; real traffic shows what becomes of it, and how soon. It ends by
 * itself: a table, and a line of JSON for programs.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { lacking } from '../sandbox/network/index.js'
import { exit } from './errors.js'
import { play, type ShowEnd } from './provider/play.js'
import { ProviderStage } from './provider/stage.js'

const { values } = parseArgs({ options: { slack: { type: 'string', default: '1' } } })
process.exitCode = await run(Number(values.slack))

async function run(slack: number): Promise<number> {
  if (!(slack >= 1)) return fail('--slack is how many times later, and slower, it may all be: 1 or more')
  const lack = lacking()
  if (lack !== undefined) return fail(`This machine cannot show it: ${lack.words}`)
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-'))
  // Ctrl-C may come twice, from the terminal and from npm: it is to be cleaned up in any case.
  const stopped = new Promise<undefined>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(undefined))
  })
  let stage: ProviderStage | undefined
  try {
    stage = await ProviderStage.build(directory)
    const end = await Promise.race([play(stage, slack), stopped])
    return end === undefined ? exit.no : report(end)
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  } finally {
    await stage?.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The last line is for programs. */
function report(end: ShowEnd): number {
  process.stdout.write(`${JSON.stringify(end)}\n`)
  return end.show === 'as-promised' ? exit.ok : exit.no
}

function fail(reason: string): number {
  process.stderr.write(`\n${reason}.\n`)
  process.stdout.write(`${JSON.stringify({ show: 'failed', reason })}\n`)
  return exit.no
}
