import { setFlagsFromString } from 'node:v8'
import type { Command } from 'commander'
import { exit } from '../errors.js'
import { Invocation } from '../invocation.js'
import { Notifier } from '../notify.js'
import { version } from '../program-version.js'
import { stopSignal } from '../stop-signal.js'
import { countWords } from '../words.js'

/** An orderly stop takes at most so long, milliseconds. */
const STOP_WITHIN = 5000

/** `turnpike run` */
export function runCommand(program: Command): void {
  program
    .command('run')
    .description('run the agent in the foreground, until SIGTERM or SIGINT')
    .action(async (_options: object, command: Command) => {
      const config = await new Invocation(command).config()
      const { pino } = await import('pino')
      const log = pino({ level: config.log.level, base: null })
      const notifier = new Notifier()
      const stop = stopSignal()
      let reload = (): void => {} // what is read while it starts is the newest
      process.on('SIGHUP', () => reload())
      const { startAgent } = await import('../../main.js')
      const agent = await startAgent(config, { log, version: version() })
      // Before it collects, V8 lets the heap double and more: a drained backlog would take 108 MiB beside what an agent at
      // rest has. Collecting at each third more, it takes half of that; at each fifth it takes no less, and accounting
      // under load collects every second. While it starts, what is loaded stays: no need to look.
      setFlagsFromString('--heap-growing-percent=30')
      const known = countWords(config.nas.length, 'NAS', 'NASes')
      notifier.ready(`answering; ${known} in ${config.file ?? 'no configuration file'}`)
      reload = () => agent.reload()
      const signal = await stop
      notifier.stopping(`stopping on ${signal}`)
      await within(STOP_WITHIN, agent.close())
    })
}

/** Waits for the stop; when it hangs, ends the process: the ledger is whole at any moment. */
async function within(milliseconds: number, stopped: Promise<void>): Promise<void> {
  const hung = setTimeout(() => {
    process.stderr.write(
      `turnpike: the stop took more than ${milliseconds / 1000} s and was cut short; nothing acknowledged is lost.\n`
    )
    process.exit(exit.no)
  }, milliseconds)
  await stopped
  clearTimeout(hung)
}
