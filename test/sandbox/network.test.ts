import { spawn } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ip } from '../../sandbox/network/index.js'
import { withoutNamespaces } from './namespaces.js'

t.setTimeout(300_000)

const skip = withoutNamespaces
// What is promised is measured on a machine of its own; here other tests run at the same time.
const SLACK = '10'

function show(t: Test, args: readonly string[], env = process.env) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../cli/provider.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env
  })
  t.teardown(() => child.kill('SIGTERM'))
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  const last = () => JSON.parse(said.stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>
  return { child, said, ended, last }
}

function namespacesOf(pid: number | undefined): string[] {
  return ip('netns', 'list').match(new RegExp(`turnpike-${pid}-\\S+`, 'g')) ?? []
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setTimeout(resolve, 20))
}

t.test('the small provider blocks, fences, slows and restores real traffic, with proof', { skip }, async t => {
  const { child, said, ended, last } = show(t, ['--slack', SLACK])
  const status = await ended
  const end = last()
  t.same(end['wrong'] ?? end, [], 'nothing is wrong')
  t.same([status, end['show'], said.stderr], [0, 'as-promised', ''])
  const refused = { web: { said: /^ECONN/ }, tls: { said: /^ECONN/ } }
  const full = { web: { said: 'site' }, tls: { said: 'open' }, dns: { said: 'answered' } }
  t.match(end['steps'], [
    { order: 'reject', met: { 4: refused, 6: refused }, cutMs: { 4: Number, 6: Number } },
    { order: 'walled-garden', met: { 4: { web: { said: 'pay' } }, 6: { web: { said: 'pay' }, dns: full.dns } } },
    { order: 'throttle', met: { 4: full, 6: full }, rates: { 4: { down: Number, up: Number } } },
    { order: 'restore', met: { 4: full, 6: full }, rates: { 6: { down: Number, up: Number } } },
    { order: 'reject', met: { 4: refused, 6: refused }, cutMs: { 4: Number, 6: Number } },
    { order: 'restore', met: { 4: full, 6: full }, proof: 'observed', way: 'api' }
  ])
  t.same(namespacesOf(child.pid), [], 'nothing is left')
})

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  t.test(`the namespaces go with it, also by ${signal}`, { skip }, async t => {
    const { child, said, ended } = show(t, [])
    await until(() => said.stdout.includes('billing suspends'))
    t.ok(namespacesOf(child.pid).length >= 4, 'they were there')
    child.kill(signal)
    t.not(await ended, 0)
    await until(() => namespacesOf(child.pid).length === 0)
  })
}

t.test('where a program is absent it says which, and what to install', async t => {
  const { said, ended, last } = show(t, [], { PATH: '/nowhere' })
  t.equal(await ended, 1)
  t.match(said.stderr, /needs nft \(apt-get install nftables iproute2\)/)
  t.match(last(), { show: 'failed', reason: /needs nft/ })
})
