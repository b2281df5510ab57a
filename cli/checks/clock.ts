import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type Finding, fix, ok } from './finding.js'

/** No agent ran before this was written: a clock that says so is wrong. */
const EARLIEST = Date.UTC(2025, 0, 1)
const LATEST = Date.UTC(2100, 0, 1)

/** Runs a program. @returns what it writes; undefined when it cannot run here */
export type Ask = (program: string, ...words: string[]) => Promise<string | undefined>

const askSystem: Ask = (program, ...words) =>
  promisify(execFile)(program, words, { timeout: 5000 }).then(
    ({ stdout }) => stdout.trim(),
    () => undefined
  )

/** Whether the time can be believed: bills, evidence and validity dates hang on it. */
export async function checkClock(now: number = Date.now(), ask: Ask = askSystem): Promise<Finding> {
  const time = new Date(now).toISOString()
  if (now < EARLIEST || now > LATEST)
    return fix('clock', `it says ${time}, which cannot be: set it, and keep it so (timedatectl set-ntp true)`)
  const synchronised = await ask('timedatectl', 'show', '--property=NTPSynchronized', '--value')
  if (synchronised === 'no')
    return fix('clock', `${time}, but nothing keeps it right: timedatectl set-ntp true, or install chrony`)
  return ok(
    'clock',
    synchronised === 'yes' ? `${time}, kept by NTP` : `${time} (timedatectl does not tell here who keeps it right)`
  )
}
