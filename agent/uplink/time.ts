/** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

/** A source of numbers from 0 (included) to 1, as `Math.random`. */
export type Random = () => number

/** The real one. Does not keep the process alive. */
export const sleep: Sleep = (ms, signal) =>
  new Promise(resolve => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms).unref()
    signal.addEventListener('abort', done, { once: true })
  })

/** A controller that aborts with `parent`; `release` takes the listener off the parent again. */
export function childOf(parent: AbortSignal): { controller: AbortController; release: () => void } {
  const controller = new AbortController()
  const abort = (): void => controller.abort(parent.reason)
  if (parent.aborted) abort()
  else parent.addEventListener('abort', abort, { once: true })
  return { controller, release: () => parent.removeEventListener('abort', abort) }
}

/** Whichever ends first; the others are told by their signal to end as well. */
export async function firstOf(
  parent: AbortSignal,
  ...all: readonly ((signal: AbortSignal) => Promise<unknown>)[]
): Promise<void> {
  const { controller, release } = childOf(parent)
  const running = all.map(start => start(controller.signal))
  try {
    await Promise.race(running)
  } finally {
    release()
    controller.abort()
    await Promise.allSettled(running)
  }
}
