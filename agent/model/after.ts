import type { Milliseconds } from './units.js'

/** Runs something later; the returned function cancels it. Tests pass their own. */
export type After = (ms: Milliseconds, run: () => void) => () => void

/** Real time, in timers that do not keep the process alive. */
export const afterMs: After = (ms, run) => {
  const timer = setTimeout(run, ms)
  timer.unref()
  return () => clearTimeout(timer)
}
