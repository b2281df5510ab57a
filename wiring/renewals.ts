import { statSync } from 'node:fs'
import type { Logger } from 'pino'
import type { Clock, Milliseconds } from '../agent/model/index.js'

/** Something that is read from files, and can be read again while the agent runs. */
export interface Renewal {
  /** What it is, in words that a sentence goes on with: `the certificate of EAP`. */
  readonly what: string
  /** Files that are watched; without any it is read again on demand only. */
  readonly files?: readonly string[]
  /** Reads it again. @throws and keeps what there was */
  readonly renew: () => void
  /** When it runs out. */
  readonly until?: () => Milliseconds
  /** Days before its end from which on a person is told; default 14. */
  readonly soon?: number
  /** What it means that it has run out, in a sentence. */
  readonly meanwhile?: string
  /** It was not read yet: that is done at once, and may fail. */
  readonly unread?: true
}

interface Watched extends Renewal {
  /** Whether there is one that was read. */
  used: boolean
  stamp: string
  /** The last attempt, where it failed. */
  failed?: { readonly why: string; readonly stamp: string; readonly at: Milliseconds }
  /** At how many looks in a row a file was not there. */
  missed: number
  toldAt?: Milliseconds
}

const DAY: Milliseconds = 86_400_000
/** Days before its end from which on a person is told. */
const SOON = 14
/** Until what could not be used, and has not changed, is tried again: reading it may take long. */
const AGAIN: Milliseconds = 600_000
/** Looks at which a file is not there before a person is told: who replaces it may remove it first. */
const PATIENCE = 2

/**
 * Certificates and secrets while the agent runs: read again by SIGHUP, certificates also when their files have changed.
 * What cannot be used changes nothing, and stands in the status until it can.
 */
export class Renewals {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #all: Watched[] = []

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock
    this.#log = log
  }

  add(renewal: Renewal): void {
    const stamp = stampOf(renewal)
    const watched: Watched = { ...renewal, used: renewal.unread === undefined, stamp, missed: 0 }
    this.#all.push(watched)
    if (!watched.used) this.#renew(watched, stamp)
    this.#tellEnd(watched)
  }

  /** Reads everything again: a person says that something was changed. */
  all(): void {
    for (const each of this.#all) this.#renew(each, stampOf(each))
  }

  /** Reads again what has changed on the disk, and tells of what runs out. To be called every minute. */
  look(): void {
    for (const each of this.#all) {
      const stamp = stampOf(each)
      if (this.#isDue(each, stamp)) this.#renew(each, stamp)
      this.#tellMissing(each)
      this.#tellEnd(each)
    }
  }

  /** What a person should see to. */
  attention(): string[] {
    return this.#all.flatMap(each => {
      const ending = endingOf(each, this.#clock())
      const changed = each.used ? 'was changed, and cannot be used' : 'cannot be used'
      const failed = each.failed && `${capital(each.what)} ${changed}: ${each.failed.why}`
      return [failed ?? missingOf(each), ending].filter(words => words !== undefined)
    })
  }

  #isDue({ failed, stamp }: Watched, now: string): boolean {
    if (now === '') return false
    if (failed === undefined) return now !== stamp
    return now !== failed.stamp || this.#clock() - failed.at >= AGAIN
  }

  #renew(each: Watched, stamp: string): void {
    try {
      each.renew()
      each.stamp = stamp
      delete each.failed
      delete each.toldAt
      if (each.used) this.#log.info(`${each.what} was read again and is used from now on`)
      each.used = true
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const old = each.used ? 'the old one stays' : 'it is tried again every ten minutes, and when it changes'
      if (each.failed?.why !== why) this.#log.error({ why }, `${each.what} cannot be used as it is now; ${old}`)
      each.failed = { why, stamp, at: this.#clock() }
    }
  }

  #tellMissing(each: Watched): void {
    each.missed = absentOf(each) === undefined ? 0 : each.missed + 1
    const missing = missingOf(each)
    if (each.missed === PATIENCE && missing !== undefined) this.#log.error(missing)
  }

  #tellEnd(each: Watched): void {
    const now = this.#clock()
    const ending = endingOf(each, now)
    if (ending === undefined || (each.toldAt !== undefined && now - each.toldAt < DAY)) return
    each.toldAt = now
    this.#log[each.until!() <= now ? 'error' : 'warn'](ending)
  }
}

/** A sentence about a file that has not been there for some time. */
function missingOf(each: Watched): string | undefined {
  const absent = each.missed >= PATIENCE ? absentOf(each) : undefined
  if (absent === undefined) return undefined
  return `${capital(each.what)} cannot be renewed: ${absent} is not there, or cannot be looked at. Put it back; what was read before stays in use until the agent restarts.`
}

function absentOf({ files = [] }: Pick<Renewal, 'files'>): string | undefined {
  return files.find(path => stampOf({ files: [path] }) === '')
}

/** A sentence about what runs out soon. */
function endingOf({ what, until, soon = SOON, meanwhile }: Renewal, now: Milliseconds): string | undefined {
  const end = until?.()
  if (end === undefined || (end > now && end - now >= soon * DAY)) return undefined
  const date = new Date(end).toISOString().slice(0, 10)
  if (end <= now)
    return `${capital(what)} has run out (${date}): renew it; the new file is taken by itself.${meanwhile === undefined ? '' : ` ${meanwhile}`}`
  const days = Math.floor((end - now) / DAY)
  const left = days === 0 ? 'today' : `in ${days} ${days === 1 ? 'day' : 'days'}`
  return `${capital(what)} runs out ${left} (${date}): renew it; the new file is taken by itself.`
}

/** Tells files apart from what they were, and whether their rights have changed; '' where there are none, or one is not there. */
function stampOf({ files = [] }: Pick<Renewal, 'files'>): string {
  try {
    return files
      .map(path => statSync(path))
      .map(({ mtimeMs, ctimeMs, ino, size }) => `${mtimeMs} ${ctimeMs} ${ino} ${size}`)
      .join(', ')
  } catch {
    return ''
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
