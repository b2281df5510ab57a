import { type After, DriverError, type Milliseconds } from '../model/index.js'

/** Why a signal of ours aborts. Made once: an abort without a reason makes an exception with a stack each time. */
export const GIVEN_UP = new Error('given up')

/** Resolves when the time has passed, or at once when the signal aborts. */
export function pause(ms: Milliseconds, after: After, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = after(ms, end)
    signal.addEventListener('abort', end, { once: true })
  })
}

/**
 * Gives an act a time limit of its own within the caller's signal, and does not trust it to obey.
 * @throws DriverError `TIMEOUT` when the time passes and the act has no better word for it;
 *   the signal's reason when the caller aborts
 */
export function within<T>(
  ms: Milliseconds,
  after: After,
  signal: AbortSignal,
  act: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  return new Promise((resolve, reject) => {
    const inner = new AbortController()
    const abandoned = (): void => {
      inner.abort(GIVEN_UP)
      reject(signal.reason as Error)
    }
    if (signal.aborted) return abandoned()
    signal.addEventListener('abort', abandoned, { once: true })
    const cancel = after(ms, () => {
      inner.abort(GIVEN_UP)
      // The act hears of the abort first, and may know more than that time has passed: a wrong secret, garbage.
      setImmediate(() => reject(new DriverError('TIMEOUT', `No answer within ${ms} ms.`)))
    })
    act(inner.signal)
      .then(resolve, reject)
      .finally(() => {
        cancel()
        signal.removeEventListener('abort', abandoned)
      })
  })
}
