import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { defaultConfig } from '../../config/index.js'

const directory = join(import.meta.dirname, '../../../systemd')
const unit = readFileSync(join(directory, 'turnpike.service'), 'utf8')
const analyze = (...words: string[]) => spawnSync('systemd-analyze', words, { encoding: 'utf8' })
const absent = analyze('--version').error !== undefined && process.env['CI'] !== 'true'
const needs = absent ? { skip: 'needs systemd-analyze (apt-get install systemd)' } : {}

/** All values of a setting, in order. */
function settings(name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(match => match[1] ?? '')
}

t.test('systemd finds nothing wrong with the unit', needs, async t => {
  // The command is not installed where this runs; everything else is as it ships.
  const path = join(t.testdir(), 'turnpike.service')
  writeFileSync(path, unit.replace('/usr/bin/turnpike run', '/bin/true'))
  const { status, stderr } = analyze('verify', '--man=no', path)
  t.same([status, stderr], [0, ''])
})

t.test('its exposure is at most 1.5', needs, async t => {
  const { stdout } = analyze('security', '--offline=true', '--no-pager', join(directory, 'turnpike.service'))
  const exposure = /Overall exposure level for turnpike\.service: ([\d.]+)/.exec(stdout)?.[1]
  t.match(exposure, /^\d/, stdout)
  t.ok(Number(exposure) <= 1.5, `exposure ${exposure}`)
})

t.test('readiness and watchdog come from a child of the agent', async t => {
  t.same([settings('Type'), settings('NotifyAccess')], [['notify'], ['all']])
  t.match(settings('WatchdogSec'), ['30s'])
})

t.test('the unit gives no capability, and leaves V8 its compiler', async t => {
  t.same([settings('CapabilityBoundingSet'), settings('AmbientCapabilities')], [[''], ['']])
  t.same(settings('MemoryDenyWriteExecute'), [])
  t.same(settings('Environment')[0], 'UV_THREADPOOL_SIZE=8')
})

t.test('its directories are those of the defaults, and the user is the one that is made', async t => {
  const environment = { STATE_DIRECTORY: '/var/lib/turnpike', RUNTIME_DIRECTORY: '/run/turnpike' }
  t.same([settings('StateDirectory'), settings('RuntimeDirectory')], [['turnpike'], ['turnpike']])
  t.same(defaultConfig(environment), defaultConfig({}), 'the command line finds the service without being told')
  const users = readFileSync(join(directory, 'turnpike.sysusers.conf'), 'utf8')
  t.match(users, new RegExp(`^u ${settings('User')[0]} -`, 'm'))
})

t.test('the sysctl file lets the default receive buffer be had', async t => {
  const text = readFileSync(join(directory, '60-turnpike.conf'), 'utf8')
  const most = Number(/^net\.core\.rmem_max = (\d+)$/m.exec(text)?.[1])
  t.ok(most >= defaultConfig({}).radius.receiveBuffer, `${most}`)
})
