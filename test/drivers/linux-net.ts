import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'

/** What the machine lacks for networks of its own, in words; undefined when it has everything. */
export function lacking(): { words: string; absent: boolean } | undefined {
  for (const [program, ...args] of [
    ['nft', '--version'],
    ['ip', '-V'],
    ['tc', '-V']
  ] as const) {
    try {
      execFileSync(program, args, { stdio: 'ignore' })
    } catch {
      return { words: `needs ${program} (apt-get install nftables iproute2)`, absent: true }
    }
  }
  const name = `tplx-${process.pid}-try`
  try {
    ip('netns', 'add', name)
    within(name, 'nft', 'add table inet x; add chain inet x n { type nat hook prerouting priority -100; }')
    within(name, 'ip', 'link', 'add', 'name', 'try0', 'type', 'veth')
    within(name, 'tc', 'qdisc', 'add', 'dev', 'try0', 'root', 'handle', '1:', 'htb')
    return undefined
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? error).trim()
    return { words: `the kernel permits no namespace with nftables, NAT and HTB: ${said.slice(0, 120)}`, absent: false }
  } finally {
    drop(name)
  }
}

/** Runs `ip`; its words are in the error. */
export function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Runs a program in a namespace to its end. */
export function within(netns: string, ...command: string[]): string {
  return ip('netns', 'exec', netns, ...command)
}

/** Removes a namespace; one that is not there is no failure. */
export function drop(name: string): void {
  try {
    ip('netns', 'del', name)
  } catch {
    // it was never made
  }
}

/** Runs lines of JavaScript in a namespace until they end, and gives what they print last as JSON. */
export async function script(netns: string, source: string): Promise<Record<string, unknown>> {
  const child = spawn('ip', ['netns', 'exec', netns, process.execPath, '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  await once(child, 'close')
  return JSON.parse(said) as Record<string, unknown>
}

/** Starts lines of JavaScript in a namespace and waits until they print. @returns what ends them */
export async function serve(netns: string, source: string): Promise<() => Promise<void>> {
  const child = spawn('ip', ['netns', 'exec', netns, process.execPath, '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  await once(child.stdout, 'data')
  return async () => {
    if (child.exitCode !== null) return
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }
}

/** A provider: `gw` between two subscribers and a server with DNS, two web sites and a pay page. */
export interface Provider {
  readonly gw: string
  readonly one: string
  readonly two: string
  readonly macs: readonly [string, string]
  readonly close: () => Promise<void>
}

let count = 0

/** Makes the namespaces, links, addresses and servers of a provider. */
export async function provider(): Promise<Provider> {
  const base = `tplx-${process.pid}-${++count}`
  const [gw, one, two, net] = ['gw', 's1', 's2', 'net'].map(name => `${base}-${name}`) as [
    string,
    string,
    string,
    string
  ]
  const all = [gw, one, two, net]
  try {
    for (const name of all) {
      ip('netns', 'add', name)
      within(name, 'ip', 'link', 'set', 'lo', 'up')
    }
    within(gw, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1')
    link(gw, 'lan1', one, 1)
    link(gw, 'lan2', two, 2)
    link(gw, 'wan', net, 9)
    within(net, 'ip', 'addr', 'add', '10.7.9.3/24', 'dev', 'eth0')
    within(net, 'ip', '-6', 'addr', 'add', 'fd07:9::3/64', 'dev', 'eth0', 'nodad')
    const stop = await serve(net, servers)
    const macs = [one, two].map(name => within(name, 'cat', '/sys/class/net/eth0/address').trim()) as [string, string]
    return {
      gw,
      one,
      two,
      macs,
      close: async () => {
        await stop()
        all.forEach(drop)
      }
    }
  } catch (error) {
    all.forEach(drop)
    throw error
  }
}

function link(gw: string, dev: string, peer: string, number: number): void {
  within(gw, 'ip', 'link', 'add', dev, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', peer)
  for (const [netns, name, host] of [
    [gw, dev, 1],
    [peer, 'eth0', 2]
  ] as const) {
    within(netns, 'ip', 'addr', 'add', `10.7.${number}.${host}/24`, 'dev', name)
    within(netns, 'ip', '-6', 'addr', 'add', `fd07:${number}::${host}/64`, 'dev', name, 'nodad')
    within(netns, 'ip', 'link', 'set', name, 'up')
  }
  within(peer, 'ip', 'route', 'add', 'default', 'via', `10.7.${number}.1`)
  within(peer, 'ip', '-6', 'route', 'add', 'default', 'via', `fd07:${number}::1`)
}

// Port 80 of .2 is a web site, of .3 the pay page; 443 takes connections; 53 answers whatever it gets; 9000 sends zeros.
const servers = `
const http = require('node:http'), net = require('node:net'), dgram = require('node:dgram')
const site = words => (q, r) => { r.setHeader('connection', 'close'); r.end(words) }
const up = (server, port, host) => new Promise(done => server.listen(port, host, done))
const echo = (family, host) => new Promise(done => { const s = dgram.createSocket(family); s.on('message', (m, p) => s.send(m, p.port, p.address)); s.bind(53, host, done) })
const zeros = Buffer.alloc(65536)
Promise.all([
  ...['10.7.9.2', 'fd07:9::2'].flatMap(h => [up(http.createServer(site('site')), 80, h),
    up(net.createServer(s => { s.on('error', () => {}); s.on('data', d => s.write(d)) }), 443, h),
    up(net.createServer(s => { s.on('error', () => {}); const go = () => { while (!s.destroyed && s.write(zeros)); s.once('drain', go) }; go() }), 9000, h)]),
  ...['10.7.9.3', 'fd07:9::3'].map(h => up(http.createServer(site('pay')), 80, h)),
  echo('udp4', '10.7.9.2'), echo('udp6', 'fd07:9::2')
]).then(() => console.log('up'))`

/**
 * What a subscriber gets: of the web site, of port 443 and of DNS, in words or codes, with milliseconds.
 * @param from  the address that they use, where they have several
 */
export function tries(netns: string, six = false, from?: string): Promise<Record<string, unknown>> {
  const local = from === undefined ? '' : `localAddress: '${from}', `
  const host = six ? 'fd07:9::2' : '10.7.9.2'
  return script(
    netns,
    `
const http = require('node:http'), net = require('node:net'), dgram = require('node:dgram')
const timed = f => { const t = performance.now(); return new Promise(f).then(said => ({ said, ms: Math.round(performance.now() - t) })) }
const web = timed(done => http.get({ ${local}host: '${host}', timeout: 3000 }, r => { let b = ''; r.on('data', d => b += d).on('end', () => done(b)) })
  .on('error', e => done(e.code)).on('timeout', () => done('timeout')))
const tls = timed(done => { const s = net.connect({ ${local}host: '${host}', port: 443, timeout: 3000 }, () => { done('open'); s.destroy() })
  s.on('error', e => done(e.code)).on('timeout', () => { done('timeout'); s.destroy() }) })
const dns = timed(done => { const s = dgram.createSocket('${six ? 'udp6' : 'udp4'}'); const end = w => { clearTimeout(timer); clearInterval(again); s.close(); done(w) }
  const timer = setTimeout(() => end('timeout'), 1500)
  s.on('error', e => end(e.code)).on('message', () => end('answered')); s.bind(0, ${from === undefined ? 'undefined' : `'${from}'`}, () => s.connect(53, '${host}', () => s.send('q'))); const again = setInterval(() => s.send('q'), 300) })
Promise.all([web, tls, dns]).then(([web, tls, dns]) => console.log(JSON.stringify({ web, tls, dns })))`
  )
}

/** Bits a second that a subscriber downloads for a while. */
export async function downloads(netns: string, six = false, forMs = 1200): Promise<number> {
  const host = six ? 'fd07:9::2' : '10.7.9.2'
  const { rate } = await script(
    netns,
    `
const s = require('node:net').connect(9000, '${host}'); let n = 0, t
s.on('data', d => { if (t === undefined) { t = performance.now(); setTimeout(() => { console.log(JSON.stringify({ rate: n * 8000 / (performance.now() - t) })); s.destroy() }, ${forMs}) } else n += d.length })`
  )
  return Number(rate)
}
