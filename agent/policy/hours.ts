import type { Milliseconds } from '../model/index.js'

/*
 * Windows of the week: `Mo-Fr 08:00-18:00`, `Sa,Su 10:00-24:00`, `22:00-06:00` (every day, over midnight), `Mo`.
 * In the agent's time zone; where a clock is put forward or back, the wall clock decides.
 */
const days = ['su', 'mo', 'tu', 'we', 'th', 'fr', 'sa'] as const
const EVERY = 0b1111111
const DAY = 1440
const WEEK = 7

interface Window {
  /** Bit n: begins on day n, Sunday is 0. */
  readonly days: number
  /** Minutes of the day; `to` above 1440 ends on the next. */
  readonly from: number
  readonly to: number
}

/** Reads one window. @returns undefined where it is none */
export function readWindow(text: string): Window | undefined {
  const [, list = '', span = ''] =
    /^\s*([A-Za-z][A-Za-z,\- ]*?)?\s*(\d{1,2}:\d\d\s*-\s*\d{1,2}:\d\d)?\s*$/.exec(text) ?? []
  if (list === '' && span === '') return undefined
  const on = list === '' ? EVERY : daysIn(list)
  const [from, to] = span === '' ? [0, DAY] : span.split('-').map(minutesOf)
  if (on === undefined || from === undefined || to === undefined || from === to || from >= DAY) return undefined
  return { days: on, from, to: to > from ? to : to + DAY }
}

/**
 * Until when a subscriber may be connected.
 * @param hours  as documents have it; a window that cannot be read counts for nothing
 * @returns 'closed' outside all windows, the end of the present ones in ms, or undefined where nothing ends it: no
 *   windows, none that can be read (nobody is locked out by a typing mistake), or the whole week
 */
export function openUntil(
  hours: readonly string[] | undefined,
  now: Milliseconds
): Milliseconds | 'closed' | undefined {
  const windows = (hours ?? []).map(readWindow).filter(window => window !== undefined)
  if (windows.length === 0) return undefined
  let end = now
  for (let step = 0; step <= WEEK * windows.length; step++) {
    const later = endOf(windows, end)
    if (later === undefined) break
    end = later
    if (end - now >= WEEK * DAY * 60_000) return undefined
  }
  return end === now ? 'closed' : end
}

// The latest end of the windows that hold a moment.
function endOf(windows: readonly Window[], at: Milliseconds): Milliseconds | undefined {
  const date = new Date(at)
  let latest: number | undefined
  for (const window of windows) {
    for (const back of [0, 1]) {
      if ((window.days & (1 << ((date.getDay() + WEEK - back) % WEEK))) === 0) continue
      const begins = wallClock(date, -back, window.from)
      const ends = wallClock(date, -back, window.to)
      if (begins <= at && at < ends && ends > (latest ?? at)) latest = ends
    }
  }
  return latest
}

function wallClock(day: Date, offset: number, minutes: number): Milliseconds {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + offset, 0, minutes).getTime()
}

function daysIn(list: string): number | undefined {
  let bits = 0
  for (const part of list.split(/[,\s]+/).filter(part => part !== '')) {
    const [first, last = first, more] = part.split('-').map(dayOf)
    if (first === undefined || last === undefined || more !== undefined) return undefined
    for (let day = first; ; day = (day + 1) % WEEK) {
      bits |= 1 << day
      if (day === last) break
    }
  }
  return bits === 0 ? undefined : bits
}

// Mo, Mon and Monday are the same; a range with an unknown day gives no window.
function dayOf(name: string): number | undefined {
  const at = days.indexOf(name.trim().slice(0, 2).toLowerCase() as (typeof days)[number])
  return at < 0 ? undefined : at
}

function minutesOf(time: string): number | undefined {
  const [hours = NaN, minutes = NaN] = time.split(':').map(Number)
  const total = hours * 60 + minutes
  return minutes < 60 && total <= DAY ? total : undefined
}
