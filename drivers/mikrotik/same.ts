import { limits } from './queue.js'

/**
 * Whether the router shows what was wanted. It writes many values its own way: `true` for `yes`, `5m` for `300s`,
 * rates without k and M, an address as a prefix, a group's policies with all that are not granted (`api,read,!ftp`).
 */
export function isSame(shown: string, wanted: string): boolean {
  if (shown === wanted || shown === `${wanted}/32` || shown.toLowerCase() === macOf(wanted)) return true
  if (sorted(granted(shown)) === sorted(wanted.split(','))) return true
  return forms.some(form => {
    const [a, b] = [form(shown), form(wanted)]
    return a !== undefined && a === b
  })
}

const forms: readonly ((text: string) => string | undefined)[] = [truth, rate, seconds]

function truth(text: string): string | undefined {
  return /^(yes|true)$/.test(text) ? 'yes' : /^(no|false)$/.test(text) ? 'no' : undefined
}

function rate(text: string): string | undefined {
  const found = limits(text)
  return found && `${found.up}/${found.down}`
}

const units = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 } as const

/** `1d2h`, `00:05:00` and `300` (seconds). */
function seconds(text: string): string | undefined {
  const clock = /^(\d+):(\d\d):(\d\d)$/.exec(text)
  if (clock !== null) return String(Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]))
  if (/^\d+$/.test(text)) return String(Number(text))
  if (!/^(\d+[wdhms])+$/.test(text)) return undefined
  const parts = [...text.matchAll(/(\d+)([wdhms])/g)]
  return String(parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit as keyof typeof units], 0))
}

/** A list without what is denied. */
function granted(text: string): string[] {
  return text.split(',').filter(word => !word.startsWith('!'))
}

function sorted(words: readonly string[]): string {
  return words.toSorted().join(',')
}

function macOf(text: string): string | undefined {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) ? text.toLowerCase() : undefined
}
