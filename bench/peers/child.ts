/* Programs that a benchmark runs beside itself: started, waited for, measured by their CPU time, and ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const TICKS_PER_SECOND = 100
const STARTUP_MOST = 30_000

/** A program that runs until it is stopped. */
export interface Running {
  readonly pid: number
  /** What it said on stdout and stderr until it was ready. */
  readonly said: string
  readonly stop: () => Promise<void>
}

/** Where a program lies in PATH or in `also`; undefined where it is not installed. */
export function programAt(name: string, ...also: readonly string[]): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', ...also]
  return folders.map(folder => join(folder, name)).find(existsSync)
}

/**
 * Starts a program and waits until it says that it is ready.
 * @throws Error when it ends before, or says nothing for 30 s
 */
export function start(
  command: string,
  args: readonly string[],
  ready: RegExp,
  env: NodeJS.ProcessEnv = {}
): Promise<Running> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  return new Promise((resolve, reject) => {
    let said = ''
    const late = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${command} is silent`))
    }, STARTUP_MOST)
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`${command} ended with ${code}: ${said.slice(-2000)}`)))
    const hear = (chunk: Buffer): void => {
      said += String(chunk)
      if (!ready.test(said)) return
      clearTimeout(late)
      for (const stream of [child.stdout, child.stderr]) stream.off('data', hear).resume()
      resolve({ pid: child.pid ?? 0, said, stop: () => stop(child, ended) })
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
  })
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGINT')
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(late)
}

/** Seconds of CPU, user and system, that processes and what they started have used. Linux only; 0 elsewhere. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ofTree(pid), 0)
}

function ofTree(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean)
    // utime, stime and those of children that ended
    const own = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0)
    return own / TICKS_PER_SECOND + children.reduce((sum, child) => sum + ofTree(Number(child)), 0)
  } catch {
    return 0
  }
}

/** Resident memory of a process, octets. Linux only; 0 elsewhere. */
export function memoryOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}
