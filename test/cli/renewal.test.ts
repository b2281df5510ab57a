import { chmodSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pki } from '../server/radius/certificates.js'
import { said, shortDirectory, start, turnpike } from './spawn.js'

t.test('a renewed certificate is taken on SIGHUP; one that has run out keeps nobody from starting', async t => {
  const directory = shortDirectory(t)
  const pem = pki(directory)
  pem.issue('expired', '/CN=radius.example', { usage: 'serverAuth', days: -1 })
  pem.issue('renewed', '/CN=radius.example', { usage: 'serverAuth', days: 90 })
  const show = (name: string) => {
    copyFileSync(pem.file(`${name}.pem`), pem.file('eap.pem'))
    copyFileSync(pem.file(`${name}.key`), pem.file('eap.key'))
    chmodSync(pem.file('eap.key'), 0o600)
  }
  show('expired')
  const file = join(directory, 'turnpike.yaml')
  const eap = `{certificate: eap.pem, key: "file:eap.key", ca: ca.pem}`
  writeFileSync(
    file,
    `data: state\napi: {socket: run/api.sock}\nradius: {authentication: [127.0.0.1:0], accounting: [127.0.0.1:0], eap: ${eap}}\n`
  )
  const { child, ended } = start(['run', '--config', file])
  await said(child, 'stdout', /the agent answers/)
  t.match((await turnpike(['status', '--config', file])).stdout, /! The certificate of EAP has run out/)
  show('renewed')
  const told = said(child, 'stdout', /every shared secret was read again/)
  child.kill('SIGHUP')
  t.match(await told, /the certificate of EAP was read again and is used from now on/)
  t.match((await turnpike(['status', '--config', file])).stdout, /all is well/)
  child.kill('SIGTERM')
  t.equal((await ended).status, 0)
})

t.test(
  'a certificate is revoked while the agent runs: the list is taken on SIGHUP, and told of when it will not do',
  async t => {
    const directory = shortDirectory(t)
    const pem = pki(directory)
    pem.issue('eap', '/CN=radius.example', { usage: 'serverAuth' })
    chmodSync(pem.file('eap.key'), 0o600)
    const file = join(directory, 'turnpike.yaml')
    const eap = `{certificate: eap.pem, key: "file:eap.key", ca: ca.pem, crl: list.pem}`
    writeFileSync(
      file,
      `data: state\napi: {socket: run/api.sock}\nradius: {authentication: [127.0.0.1:0], accounting: [127.0.0.1:0], eap: ${eap}}\n`
    )
    writeFileSync(pem.file('list.pem'), 'half of it')
    const { child, ended } = start(['run', '--config', file])
    await said(child, 'stdout', /the agent answers/)
    const status = async () => (await turnpike(['status', '--config', file])).stdout
    t.match(await status(), /! The list of revoked certificates of EAP cannot be used: .*in PEM/)
    const reload = async () => {
      const told = said(child, 'stdout', /every shared secret was read again/)
      child.kill('SIGHUP')
      await told
    }
    pem.revoke([], 'list.pem')
    await reload()
    t.match(await status(), /all is well/)
    pem.revoke([], 'list.pem', { days: -1 })
    await reload()
    t.match(await status(), /! The list of revoked certificates of EAP has run out .* Until then those on it stay out/)
    pem.revoke([], 'list.pem', { ago: 101 })
    await reload()
    t.match(await status(), /was changed, and cannot be used: .* holds an older list than the one in use/)
    child.kill('SIGTERM')
    t.equal((await ended).status, 0)
  }
)
