import { type Column, table } from '../table.js'
import { bold, say, step } from '../story/voice.js'
import { families, type Family } from '../../sandbox/network/index.js'
import type { Figures } from './measure.js'
import { plan, type ProviderStage, throttle } from './stage.js'
import { meetings, type Step } from './steps.js'

const mega = (rate: number): string => (rate / 1e6).toFixed(2)
const pair = (of: (family: Family) => string | number): string => families.map(of).join(' / ')

const timesOf = (times: Figures['seenMs']): string => pair(family => times[family] ?? '–')

const orders: Readonly<Record<Step['order'], string>> = {
  reject: 'suspends the subscription: nothing any more',
  'walled-garden': 'lets the subscriber into the walled garden: pay page and DNS',
  throttle: `lets the subscriber back on, slowly: ${mega(throttle.down)} / ${mega(throttle.up)} Mbit/s`,
  restore: `restores the subscription: ${mega(plan.down)} / ${mega(plan.up)} Mbit/s`
}

/** The show in words, each said when it has happened. */
export const tell = {
  opening({ network, billingUrl }: ProviderStage): void {
    const [one, two] = network.subscribers
    say(`\n${bold('Turnpike')}: a small provider in network namespaces`)
    say(`  billing        ${billingUrl}`)
    say(`  gateway        ${network.gateway}: Linux, driven by nftables and HTB`)
    say(`  subscribers    ${[one, two].map(each => `${each.netns} (${each.ipv4}, ${each.ipv6Prefix})`).join(', ')}`)
    say('  Both try a web site by a new connection every few milliseconds, over IPv4 and IPv6.\n')
  },
  order({ order }: Step): void {
    step(`billing ${bold(orders[order])}`)
  },
  figures(figures: Figures): void {
    const { seenMs, cutMs, provenMs, way, proof, detail } = figures
    step(`  seen by the subscriber after ${bold(`${timesOf(seenMs)} ms`)} (IPv4 / IPv6)`)
    if (cutMs !== undefined) step(`  an open download ended after ${timesOf(cutMs)} ms`)
    step(`  proven to billing after ${bold(`${provenMs} ms`)}, by ${way}, ${proof}: ${detail}`)
  },
  summary(all: readonly Figures[]): void {
    say("\nMilliseconds from billing's order; IPv4 / IPv6; Mbit/s.\n")
    say(table(all, columns))
  },
  wrong(sentences: readonly string[]): void {
    for (const sentence of sentences) say(`${bold('NOT AS IT SHOULD BE')}: ${sentence}`)
  }
}

const met = (what: 'web' | 'tls' | 'dns'): Column<Figures> => ({
  title: what,
  value: figures => pair(family => `${figures.met[family][what].said} ${figures.met[family][what].ms}`)
})

const rate = (way: 'down' | 'up'): Column<Figures> => ({
  title: way,
  right: true,
  value: ({ rates, want }) =>
    rates === undefined ? '' : `${pair(family => mega(rates[family][way]))} of ${mega(meetings[want].rate?.[way] ?? 0)}`
})

const columns: readonly Column<Figures>[] = [
  { title: 'order', value: ({ order }) => order },
  { title: 'first seen', right: true, value: ({ seenMs }) => timesOf(seenMs) },
  {
    title: 'open ended',
    right: true,
    value: ({ cutMs }) => (cutMs === undefined ? '' : timesOf(cutMs))
  },
  { title: 'heard', right: true, value: ({ heardMs }) => `${heardMs}` },
  { title: 'proved', right: true, value: ({ provedMs }) => `${provedMs}` },
  { title: 'proven', right: true, value: ({ provenMs }) => `${provenMs}` },
  met('web'),
  met('tls'),
  met('dns'),
  rate('down'),
  rate('up'),
  {
    title: 'neighbour',
    value: ({ neighbour: { attempts, said, longestMs, down } }) =>
      `${said['site'] ?? 0} of ${attempts}, ${longestMs} ms${down === undefined ? '' : `, ${mega(down)}`}`
  }
]
