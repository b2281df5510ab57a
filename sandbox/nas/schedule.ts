/** Takes back what was scheduled; harmless when it has run already. */
export type Cancel = () => void

/** Runs something once after so many milliseconds. Tests pass their own and decide when time passes. */
export type Schedule = (milliseconds: number, run: () => void) => Cancel

/** Beyond it setTimeout fires at once. */
const LONGEST = 2 ** 31 - 1

/** The real time, 24 days at most. What it schedules does not hold the process. */
export const realSchedule: Schedule = (milliseconds, run) => {
  const timer = setTimeout(run, Math.min(milliseconds, LONGEST))
  timer.unref()
  return () => clearTimeout(timer)
}
