import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DriverError, within } from '../../agent/model/index.js'

/** The programs that are run, by path or name. */
export interface Programs {
  readonly nft: string
  readonly tc: string
  readonly ip: string
}

/** What a program left behind. */
export interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs one of the programs to its end, in the namespace of the driver. */
export type Run = (
  program: 'nft' | 'tc' | 'ip',
  args: readonly string[],
  signal: AbortSignal,
  input?: string
) => Promise<Outcome>

const MOST_OCTETS = 64 << 20
const LONGEST = 10_000

/**
 * Makes a runner. No shell is involved; output is bounded; the program is killed when the signal says so.
 * @param netns  a network namespace that `ip netns` knows
 */
export function runner(programs: Programs, netns?: string): Run {
  const inside = netns === undefined ? [] : [programs.ip, 'netns', 'exec', netns]
  return async (program, args, signal, input) => {
    const [file = '', ...rest] = [...inside, programs[program], ...args]
    const stdin = input === undefined ? undefined : await unnamed(input)
    try {
      const outcome = await within(LONGEST, [signal], limit => collect(file, rest, limit, stdin))
      if (outcome.status !== 0) check(program, outcome.stderr)
      return outcome
    } finally {
      await stdin?.close()
    }
  }
}

// nft opens /dev/stdin by name, which a socket (what Node calls a pipe) does not allow: a file without a name does.
async function unnamed(input: string): Promise<FileHandle> {
  const path = join(tmpdir(), `turnpike-${randomUUID()}`)
  const file = await open(path, 'wx+', 0o600)
  await unlink(path)
  // With a position, the offset that the program inherits stays at the start.
  await file.write(Buffer.from(input), 0, undefined, 0)
  return file
}

function collect(file: string, args: readonly string[], signal: AbortSignal, stdin?: FileHandle): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(givenUp(file))
    const child = spawn(file, args, {
      stdio: [stdin?.fd ?? 'ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }
    })
    const said: Buffer[] = []
    const complained: Buffer[] = []
    let left = MOST_OCTETS
    let failure: DriverError | undefined
    const stop = (error: DriverError) => {
      failure ??= error
      child.kill('SIGKILL')
    }
    const take = (into: Buffer[]) => (chunk: Buffer) => {
      left -= chunk.length
      if (left < 0) stop(new DriverError('PROTOCOL', `${file} writes without end: more than ${MOST_OCTETS} octets.`))
      else into.push(chunk)
    }
    const aborted = () => stop(givenUp(file))
    signal.addEventListener('abort', aborted, { once: true })
    child.stdout?.on('data', take(said))
    child.stderr?.on('data', take(complained))
    child.on('error', cause => reject(absent(file, cause)))
    child.on('close', status => {
      signal.removeEventListener('abort', aborted)
      if (failure !== undefined) return reject(failure)
      resolve({ status: status ?? -1, stdout: text(said), stderr: text(complained) })
    })
  })
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8')
}

function givenUp(file: string): DriverError {
  return new DriverError('TIMEOUT', `${file} was given up before it ended.`)
}

function absent(file: string, cause: NodeJS.ErrnoException): DriverError {
  if (cause.code !== 'EACCES')
    return new DriverError('UNREACHABLE', `${file} cannot be run: ${cause.message}.`, { cause })
  return new DriverError('AUTH', `${file} may not be run by this user.`, { cause })
}

function check(program: string, stderr: string): void {
  if (/operation not permitted|permission denied/i.test(stderr))
    throw new DriverError(
      'AUTH',
      `${program} needs the capability CAP_NET_ADMIN: the kernel does not permit it. Give it to the unit (docs/drivers/linux.md).`
    )
  if (/cannot open network namespace/i.test(stderr))
    throw new DriverError('UNREACHABLE', `There is no such network namespace: ${firstLine(stderr)}`)
}

/** The words of a refusal: what stands in the first line, without the command that is repeated after it. */
export function firstLine(stderr: string): string {
  return (stderr.split('\n').find(line => /error|:/i.test(line)) ?? stderr).trim().slice(0, 200)
}
