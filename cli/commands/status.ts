import type { Command } from 'commander'
import type { wire } from '../../server/http/index.js'
import { Invocation } from '../invocation.js'
import { facts } from '../table.js'
import { countWords, durationWords, octetWords, timeWords } from '../words.js'

/** `turnpike status` */
export function statusCommand(program: Command): void {
  program
    .command('status')
    .description('the running agent at a glance')
    .action(async (_options: object, command: Command) => {
      const invocation = new Invocation(command)
      invocation.answer(await invocation.ask(agent => agent.get<wire.Status>('/v1/status')), statusWords)
    })
}

function statusWords(status: wire.Status): string {
  const { documents, sessions, ledger, uplink, enforcement } = status
  const listeners = status.listeners.map(({ purpose, address, port }) => `${purpose} on ${at(address, port)}`)
  return `${facts([
    ['version', `${status.version}, since ${timeWords(status.startedAt)}`],
    ['listening', listeners.join(', ')],
    ['sessions', `${sessions.open} open, ${sessions.stale} stale`],
    [
      'documents',
      `${countWords(documents.subscribers, 'subscriber')}, ${countWords(documents.profiles, 'profile')}, ${countWords(documents.nases, 'NAS', 'NASes')}, ${countWords(documents.devices, 'device')}`
    ],
    ['devices', deviceWords(status.devices)],
    ['billing', uplinkWords(uplink)],
    ['rejections', rejectionWords(status.rejections.lastHour)],
    ['enforcement', `${enforcement.pending} pending, ${enforcement.held} held, ${enforcement.failed} failed`],
    ['ledger', `record ${ledger.durableHead}, ${octetWords(ledger.diskOctets)} of ${octetWords(ledger.diskBudget)}`]
  ])}${status.attention.length === 0 ? 'all is well\n' : status.attention.map(sentence => `! ${sentence}\n`).join('')}`
}

function rejectionWords(kinds: number): string {
  return kinds === 0
    ? 'none within the last hour'
    : `${countWords(kinds, 'kind')} within the last hour (turnpike rejections)`
}

function deviceWords({ up, down, flapping, unknown }: wire.Status['devices']): string {
  const others = Object.entries({ flapping, 'not asked yet': unknown }).filter(([, count]) => count > 0)
  return [`${up} up, ${down} down`, ...others.map(([what, count]) => `${count} ${what}`)].join(', ')
}

const uplinkStates: Readonly<Record<string, string>> = {
  off: 'not configured: usage waits in the ledger',
  refused: 'refuses our token'
}

function uplinkWords(uplink: wire.Status['uplink']): string {
  const { state, quarantined, lastError } = uplink
  const refused = quarantined === 0 ? '' : `, ${quarantined} refused by billing (turnpike quarantine)`
  const trouble = lastError === undefined ? '' : `; ${lastError}`
  return `${uplinkStates[state] ?? state}, ${backlogWords(uplink)}${refused}${trouble}`
}

function backlogWords({ backlog, backlogAgeMs, perSecond, drainSeconds }: wire.Status['uplink']): string {
  if (backlog === 0) return 'nothing waits'
  const waiting = `${countWords(backlog, 'record')} waiting, the oldest for ${durationWords(backlogAgeMs)}`
  const rate = perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond))
  const left = drainSeconds === undefined ? 'not shrinking' : `gone in ${durationWords(drainSeconds * 1000)}`
  return `${waiting}, ${rate}/s taken, ${left}`
}

function at(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
