import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createApi } from '../../server/http/api.js'
import { listenOnSocket } from '../../server/http/index.js'
import { FakeView, noon } from '../server/http/fake-view.js'
import { shortDirectory, turnpike } from './spawn.js'

t.setTimeout(180_000)

const view = new FakeView()
const directory = shortDirectory(t)
const socket = join(directory, 'api.sock')
const api = await createApi({ view, version: '0.1.0', clock: () => noon })
await listenOnSocket(api, socket)
t.teardown(() => api.close())
const secret = join(directory, 'secret')
writeFileSync(secret, 'geheim\n', { mode: 0o600 })
const ask = (...words: string[]) => turnpike([...words, '--socket', socket])
const last = () => view.said.at(-1)

t.test('a template is brought onto a device, each change in a line', async t => {
  const words = ['provision', 'line', 'cpe-1', '--set', 'username=alice', '--set', `password=file:${secret}`]
  const [dry, done, ready, json] = [
    await ask(...words, '--dry-run'),
    await ask(...words, '--set', 'mtu=1480'),
    await ask('provision', 'line', 'ready'),
    await ask(...words, '--json')
  ]
  t.match(dry, { status: 0, stderr: '' })
  t.equal(
    dry.stdout,
    'cpe-1, line: 1 change to make, nothing was changed yet.\n  add /interface/pppoe-client pppoe-out1: user=alice password=…\n'
  )
  t.match(done.stdout, /^cpe-1, line: 1 change made and read back\.\n {2}add /)
  t.equal(ready.stdout, 'ready has everything of line already: nothing was changed.\n')
  t.match(JSON.parse(json.stdout), { device: 'cpe-1', result: 'changed', proven: true })
  t.same(view.said[1], {
    template: 'line',
    device: 'cpe-1',
    values: { username: 'alice', password: 'geheim', mtu: '1480' },
    dryRun: false
  })
})

t.test('a secret on the command line is taken with a warning; a subscriber is the agent’s to look up', async t => {
  const { stderr, status } = await ask('provision', 'line', 'cpe-1', '--set', 'password=open')
  t.match(stderr, /^password is a secret: .*--set password=file:PATH/)
  t.notMatch(stderr, 'open,')
  t.equal(status, 0)
  const by = await ask('provision', 'line', 'cpe-1', '--set', 'password=subscriber:alice')
  t.equal(by.stderr, '')
  t.match(last(), { values: { password: 'subscriber:alice' } })
  const gone = await ask('provision', 'line', 'cpe-1', '--set', 'password=file:/nowhere')
  t.match(gone, { status: 2, stderr: /there is no file \/nowhere/ })
})

t.test('values come from a file, and --set goes before it', async t => {
  const file = join(directory, 'values.yaml')
  writeFileSync(file, `username: bob\nmtu: 1400\npassword: file:${secret}\n`, { mode: 0o644 })
  await ask('provision', 'line', 'cpe-1', '--values', file, '--set', 'username=carol')
  t.match(last(), { values: { username: 'carol', mtu: 1400, password: 'geheim' } })
  writeFileSync(file, 'password: hunter2\n')
  const exposed = await ask('provision', 'line', 'cpe-1', '--values', file)
  t.match(exposed, { status: 2, stderr: /holds the secret password and can be read by every user.*chmod o=/ })
  t.notMatch(exposed.stderr, 'hunter2')
  chmodSync(file, 0o600)
  t.match(await ask('provision', 'line', 'cpe-1', '--values', file), { status: 0, stderr: '' })
  for (const [text, words] of [
    ['- hunter2', /is not a list of «name: value»/],
    ['a: [hunter2', /is not YAML at line 1/]
  ] as const) {
    writeFileSync(file, text)
    const wrong = await ask('provision', 'line', 'cpe-1', '--values', file)
    t.match(wrong, { status: 2, stderr: words })
    t.notMatch(wrong.stderr, 'hunter2')
  }
  t.match(await ask('provision', 'line', 'cpe-1', '--values', '/nowhere'), { status: 2, stderr: /cannot be read/ })
  t.match(await ask('provision', 'line', 'cpe-1', '--set', 'username'), { status: 2, stderr: /takes name=value/ })
})

t.test('a refusal and a failure are a sentence with the remedy', async t => {
  t.match(await ask('provision', 'line', 'nowhere'), { status: 1, stderr: /There is no device «nowhere»\. \w/ })
  t.match(await ask('provision', 'line', 'off'), { status: 1, stderr: /no route to it\. \w/ })
})

t.test('templates are listed, and one explains what it takes', async t => {
  const [list, one, none, json] = await Promise.all([
    ask('templates'),
    ask('templates', 'line'),
    ask('templates', 'lime'),
    ask('templates', '--json')
  ])
  t.match(list.stdout, /^TEMPLATE +DRIVER +WHAT IT DOES\nline +mikrotik +A line\n/)
  t.match(list.stdout, /\n! \/t\/odd\.yaml:1:1: found nothing/)
  t.match(one.stdout, /^username +text +must be given +PPPoE user$/m)
  t.match(one.stdout, /^mtu +number +1492 +MTU/m)
  t.match(one.stdout, /^turnpike provision line DEVICE --set username=… --set password=file:PATH --dry-run$/m)
  t.match(none, { status: 1, stderr: /no template «lime». There are: line, odd/ })
  t.match(JSON.parse(json.stdout), { templates: [{ name: 'line' }, {}] })
})

t.test('templates are told without an agent too, with those of the configuration', async t => {
  const file = join(directory, 'turnpike.yaml')
  writeFileSync(
    join(directory, 'mine.yaml'),
    'title: mine\nsteps: { openwrt: [{ at: network.wan, set: { mtu: 1 } }] }\n'
  )
  writeFileSync(file, 'templates: .\napi: { socket: none.sock }\n')
  const { stdout, status } = await turnpike(['templates', '--config', file])
  t.equal(status, 0)
  t.match(stdout, /^mikrotik-pppoe-client +mikrotik/m)
  t.match(stdout, /^mine +openwrt +mine$/m)
  t.match(await turnpike(['provision', 'mine', 'x', '--config', file]), { status: 3, stderr: /agent is not running/ })
})
