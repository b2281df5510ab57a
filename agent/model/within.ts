import type { Milliseconds } from './units.js'

/**
 * Gives work a signal that aborts after a time, or with any of others. The timer is held and cleared here:
 * AbortSignal.any may lose a time limit to the garbage collector while the work still waits.
 */
export async function within<T>(
  limit: Milliseconds,
  others: readonly AbortSignal[],
  work: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  const timer = setTimeout(abort, limit)
  for (const other of others) {
    if (other.aborted) abort()
    else other.addEventListener('abort', abort, { once: true })
  }
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    for (const other of others) other.removeEventListener('abort', abort)
  }
}
