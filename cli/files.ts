import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { CliError } from './errors.js'

/** The group that runs the agent under systemd. */
const GROUP = 'turnpike'

/**
 * Writes a new secret: for its owner, and for the agent's group where there is one.
 * @returns takes it away again
 * @throws CliError `CLI_FILE` when something is there already, or it cannot be written
 */
export function writeSecret(path: string, text: string): () => void {
  attempt(path, () => {
    if (mkdirSync(dirname(path), { recursive: true, mode: 0o750 }) !== undefined) giveToAgent(dirname(path), 0o750)
    writeFileSync(path, text, { flag: 'wx', mode: 0o600, flush: true })
    giveToAgent(path, 0o640)
  })
  return () => rmSync(path, { force: true })
}

/** Replaces a file in one step: a crash leaves the old or the new one. Mode and owner stay. @throws CliError `CLI_FILE` */
export function replaceFile(path: string, text: string): void {
  const fresh = `${path}.${process.pid}.new`
  attempt(path, () => {
    const before = statSync(path, { throwIfNoEntry: false })
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    try {
      writeFileSync(fresh, text, { mode: before?.mode ?? 0o644, flush: true })
      if (before !== undefined) {
        chmodSync(fresh, before.mode)
        chownSync(fresh, before.uid, before.gid)
      }
      renameSync(fresh, path)
    } finally {
      rmSync(fresh, { force: true })
    }
  })
}

/** Lets the agent's group read, where this box has that group and we may. */
function giveToAgent(path: string, mode: number): void {
  const group = groupId()
  if (process.getuid?.() !== 0 || group === undefined) return
  chownSync(path, 0, group)
  chmodSync(path, mode)
}

function groupId(): number | undefined {
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find(each => each.startsWith(`${GROUP}:`))
  return line === undefined ? undefined : Number(line.split(':')[2])
}

function attempt(path: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reasons: Readonly<Record<string, string>> = {
      EEXIST: `${path} is there already: take it away, or choose another id.`,
      EACCES: `This user may not write ${path}: use sudo.`,
      EROFS: `${path} is on a file system that is mounted read-only.`,
      ENOSPC: `The disk is full: ${path} was not written.`
    }
    throw new CliError('CLI_FILE', reasons[code ?? ''] ?? `${path} cannot be written: ${message}.`, { cause: error })
  }
}
