/*
 * npm start: a whole provider in one process, on loopback: billing, the agent on its defaults, a virtual NAS with 25
 * subscribers. It tells what happens; afterwards it goes on running, to be tried by hand (or ends, with --once).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { exit } from './errors.js'
import { play, type StoryEnd } from './story/play.js'
import { Stage } from './story/stage.js'
import { tell } from './story/tell.js'

const { values } = parseArgs({
  options: { once: { type: 'boolean', default: false }, ports: { type: 'string', default: 'usual' } }
})
const directory = mkdtempSync(join(tmpdir(), 'turnpike-'))
process.exitCode = await run()
rmSync(directory, { recursive: true, force: true })

async function run(): Promise<number> {
  const stopped = new Promise<undefined>(resolve => {
    // Ctrl-C may come twice, from the terminal and from npm: it is to be cleaned up in any case.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve(undefined))
  })
  let stage: Stage | undefined
  try {
    stage = await Stage.build({ directory, anyPorts: values.ports === 'auto' })
    const end = await Promise.race([play(stage, { goOn: !values.once }), stopped])
    if (end === undefined) return exit.ok
    if (!values.once) await handOver(stage, stopped)
    return values.once ? report(end) : exit.ok
  } catch (error) {
    return fail(error, stage?.trouble)
  } finally {
    await stage?.close()
  }
}

async function handOver(stage: Stage, stopped: Promise<unknown>): Promise<void> {
  tell.handOver(stage)
  const ticking = setInterval(() => tell.figures(stage), 30_000)
  await stopped
  clearInterval(ticking)
}

/** The last line is for programs. */
function report(end: StoryEnd): number {
  process.stdout.write(`${JSON.stringify(end)}\n`)
  return end.story === 'complete' ? exit.ok : exit.no
}

function fail(error: unknown, trouble = ''): number {
  const said = error instanceof Error ? error.message : String(error)
  const reason = trouble === '' ? said : `${said}: ${trouble}`
  const inUse = error instanceof Error && 'code' in error && error.code === 'RADIUS_PORT_IN_USE'
  process.stderr.write(`\n${reason}.${inUse ? ' Or let the system choose: npm start -- --ports auto' : ''}\n`)
  if (values.once) process.stdout.write(`${JSON.stringify({ story: 'failed', reason })}\n`)
  return exit.no
}
