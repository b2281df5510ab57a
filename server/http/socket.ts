import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { ApiError } from './errors.js'

/** Who may talk to the agent: its user and its group. */
const SOCKET_MODE = 0o660
const DIRECTORY_MODE = 0o750
/** The longest path that a Unix socket's address holds on Linux (sun_path less its end). */
const LONGEST = 107

/** What listens on a Unix socket. */
export interface Listening {
  listen(options: { readonly path: string }): Promise<unknown>
}

/**
 * Opens the local API on a Unix socket. A socket file that nobody listens on any more is replaced.
 * @throws ApiError `API_SOCKET` when another agent has it, or it cannot be made
 */
export async function listenOnSocket(api: Listening, path: string): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST) {
    throw new ApiError(
      'API_SOCKET',
      `The path of the API's socket has more than ${LONGEST} octets: ${path}. Choose a shorter api.socket.`
    )
  }
  makeDirectory(dirname(path))
  await clearStale(path)
  const mask = process.umask(0o777 & ~SOCKET_MODE)
  try {
    await api.listen({ path })
    chmodSync(path, SOCKET_MODE)
  } catch (error) {
    throw refused(path, error)
  } finally {
    process.umask(mask)
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE })
  } catch (error) {
    throw refused(directory, error)
  }
}

async function clearStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new ApiError(
      'API_SOCKET',
      `${path} is there already and is not a socket. Remove it, or choose another api.socket.`
    )
  }
  if (await answers(path)) {
    throw new ApiError(
      'API_SOCKET',
      `Another agent listens on ${path} already. Stop it first, or choose another api.socket.`
    )
  }
  unlinkSync(path)
}

/** Whether somebody listens on a socket file. */
export function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = connect({ path })
    const settle = (result: boolean) => {
      probe.destroy()
      resolve(result)
    }
    probe.once('connect', () => settle(true))
    // A socket that we may not open is somebody's: only a refusal says that nobody is there.
    probe.once('error', (error: NodeJS.ErrnoException) =>
      settle(!['ECONNREFUSED', 'ENOENT'].includes(error.code ?? ''))
    )
  })
}

function refused(path: string, error: unknown): ApiError {
  const reason = error instanceof Error ? error.message : String(error)
  return new ApiError(
    'API_SOCKET',
    `The API's socket cannot be opened at ${path}: ${reason}. See api.socket in the configuration.`,
    {
      cause: error
    }
  )
}
