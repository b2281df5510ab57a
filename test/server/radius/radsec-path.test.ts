import t from 'tap'
import { Code, encodeRequest } from '../../../protocols/radius/index.js'
import { cases, paths } from './paths.js'
import { byName, Peer, shared, world } from './radsec-world.js'
import { nextIdentifier } from './rig.js'

const { pem, caOf, show, standing, revoked } = paths(t.testdir())
const of = (name: string) => ({ certificate: pem.file(`${name}.pem`), key: pem.file(`${name}.key`) })
const partings = { path: 'PATH', revoked: 'REVOKED', untrusted: 'UNTRUSTED' } as const
const status = () => encodeRequest(Code.StatusServer, nextIdentifier(), Buffer.alloc(0), shared).datagram

for (const each of cases)
  t.test(`${each.name}: what a NAS sends hides no revoked CA`, async t => {
    show(each)
    const made = { ca: of(caOf(each).replace('.pem', '')), server: of('server'), nas: of('shown') }
    const list = [{ ...byName, certificateNames: ['alice'] }]
    const { port, radsec } = await world(t, made, { list, revocable: true })
    const versions = [{ maxVersion: 'TLSv1.2' }, { maxVersion: 'TLSv1.3' }] as const
    // Where it is refused, whether the peer has seen the handshake end is a matter of chance.
    const refused = async () => {
      for (const version of versions)
        await Peer.open(t, made, port, made.nas, version).then(
          peer => peer.closed(),
          () => undefined
        )
    }
    radsec.revoke(standing(each))
    if (each.standing === 'in')
      for (const version of versions) t.ok(await (await Peer.open(t, made, port, made.nas, version)).ask(status()))
    else {
      await refused()
      t.same(radsec.counters().parted, { [partings[each.standing]]: 2 }, 'while the CA stands')
    }
    radsec.revoke(revoked(each))
    await refused()
    const { parted, accepted } = radsec.counters()
    t.equal(accepted, each.standing === 'in' ? 2 : 0)
    t.equal(parted[partings[each.revoked]], 4, 'once it is revoked; those that were open are ended')
  })
