import { type EventEmitter, on } from 'node:events'

const PATIENCE = 30_000

/** The values of the first such event; it listens from the call on. */
export async function happens<T extends unknown[]>(
  emitter: object,
  event: string,
  isIt: (values: T) => boolean = () => true
): Promise<T> {
  for await (const values of on(emitter as EventEmitter, event)) if (isIt(values as T)) return values as T
  throw new Error(`«${event}» can happen no more`)
}

/** The same, as long as it comes in half a minute. @throws Error with `otherwise` */
export async function within<T>(happening: Promise<T>, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${otherwise} within ${PATIENCE / 1000} s`)), PATIENCE)
    // Where everything else was stopped, nothing is waited for.
    timer.unref()
  })
  return Promise.race([happening, late]).finally(() => clearTimeout(timer))
}

/** Resolves when something is so. @throws Error with `otherwise` when it is not within half a minute */
export async function until(isSo: () => boolean, otherwise: string): Promise<void> {
  const end = performance.now() + PATIENCE
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`${otherwise} within ${PATIENCE / 1000} s`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
