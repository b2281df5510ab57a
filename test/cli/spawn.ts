import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

const command = join(import.meta.dirname, '../../cli/turnpike.js')

/** How a command ended. */
export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

interface SpawnOptions {
  readonly input?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Starts `turnpike` as a child process; `ended` resolves when it has gone. */
export function start(
  words: readonly string[],
  { input, env = {} }: SpawnOptions = {}
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [command, ...words], {
    stdio: 'pipe',
    env: { PATH: process.env['PATH'], HOME: tmpdir(), TZ: 'UTC', TURNPIKE_CONFIG: '', ...env }
  })
  // A test that gives up must not leave it running.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('close', () => process.removeListener('exit', kill))
  child.stdin.end(input ?? '')
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', status => resolve({ status, stdout, stderr }))
  })
  return { child, ended }
}

/** Runs `turnpike` to its end. */
export function turnpike(words: readonly string[], options: SpawnOptions = {}): Promise<Ended> {
  return start(words, options).ended
}

/** Resolves when a stream's text matches; rejects when it ends first. */
export function said(child: ChildProcess, from: 'stdout' | 'stderr', pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child[from]?.on('data', (more: string) => {
      text += more
      if (pattern.test(text)) resolve(text)
    })
    child.on('close', () => reject(new Error(`ended without ${String(pattern)}: ${text}`)))
  })
}

/** A directory whose path leaves room for a Unix socket in it. */
export function shortDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'tp-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
