import { chmodSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SecretStore } from '../../config/index.js'

t.test('a file gives its octets without the last newline, and only that one', async t => {
  const directory = t.testdir({ a: 'one\n', b: 'two\r\n', c: 'three\n\n', d: 'four' })
  for (const name of ['a', 'b', 'c', 'd']) chmodSync(join(directory, name), 0o600)
  const store = new SecretStore({ environment: {} })
  const read = (name: string) => store.text(`file:${join(directory, name)}`)
  t.same(['a', 'b', 'c', 'd'].map(read), ['one', 'two', 'three\n', 'four'])
})

t.test('a world-readable or world-writable file is refused with the chmod', async t => {
  const directory = t.testdir({ open: 'very-secret-text' })
  const path = join(directory, 'open')
  for (const mode of [0o644, 0o602]) {
    chmodSync(path, mode)
    const store = new SecretStore({ environment: {} })
    t.throws(() => store.resolve(`file:${path}`), { code: 'SECRET_EXPOSED', message: `chmod o= ${path}` })
  }
  chmodSync(path, 0o640)
  t.equal(new SecretStore({ environment: {} }).text(`file:${path}`), 'very-secret-text')
})

t.test('a missing file, an empty one and a directory are one sentence each', async t => {
  const directory = t.testdir({ empty: '\n' })
  chmodSync(join(directory, 'empty'), 0o600)
  const store = new SecretStore({ environment: {} })
  t.throws(() => store.resolve(`file:${directory}/none`), {
    code: 'SECRET_MISSING',
    message: /there is no file .*none/
  })
  t.throws(() => store.resolve(`file:${directory}/empty`), { code: 'SECRET_EMPTY' })
  t.throws(() => store.resolve(`file:${directory}`), { code: 'SECRET_MISSING', message: /not a file/ })
})

t.test('credentials come from systemd’s directory, and nowhere else', async t => {
  const directory = t.testdir({ 'bras-1': 'from systemd\n' })
  chmodSync(join(directory, 'bras-1'), 0o400)
  const store = new SecretStore({ environment: { CREDENTIALS_DIRECTORY: directory } })
  t.equal(store.text('credential:bras-1'), 'from systemd')
  t.throws(() => store.resolve('credential:../bras-1'), { code: 'SECRET_REFERENCE' })
  t.throws(() => store.resolve('credential:none'), { code: 'SECRET_MISSING' })
  const bare = new SecretStore({ environment: {} })
  t.throws(() => bare.resolve('credential:bras-1'), { code: 'SECRET_MISSING', message: /LoadCredential=bras-1/ })
})

t.test('variables of the environment', async t => {
  const store = new SecretStore({ environment: { A: 'value', EMPTY: '' } })
  t.equal(store.text('env:A'), 'value')
  t.throws(() => store.resolve('env:B'), { code: 'SECRET_MISSING' })
  t.throws(() => store.resolve('env:EMPTY'), { code: 'SECRET_EMPTY' })
})

t.test('what is no reference is refused without being shown', async t => {
  const store = new SecretStore({ environment: {} })
  try {
    store.resolve('my-plain-secret')
    t.fail('accepted')
  } catch (error) {
    t.match(error, { code: 'SECRET_REFERENCE' })
    t.notMatch(String(error), 'my-plain-secret')
  }
})

t.test('a rotated secret takes effect within a second, without reading the file each time', async t => {
  const directory = t.testdir({ token: 'old', next: 'new' })
  const path = join(directory, 'token')
  chmodSync(path, 0o600)
  chmodSync(join(directory, 'next'), 0o600)
  let now = 0
  const store = new SecretStore({ environment: {}, now: () => now })
  const first = store.resolve(`file:${path}`)
  renameSync(join(directory, 'next'), path)
  now = 999
  t.equal(store.resolve(`file:${path}`), first, 'the same buffer within the second')
  now = 1000
  t.equal(store.text(`file:${path}`), 'new')
  now = 3000
  chmodSync(path, 0o644)
  t.throws(() => store.resolve(`file:${path}`), { code: 'SECRET_EXPOSED' }, 'and a file that was opened up is noticed')
  writeFileSync(path, 'newer')
})
