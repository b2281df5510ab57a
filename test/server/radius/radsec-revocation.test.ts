import { join } from 'node:path'
import t from 'tap'
import { Code, encodeRequest } from '../../../protocols/radius/index.js'
import { readRevocations } from '../../../server/radius/index.js'
import { revoker } from './certificates.js'
import { byName, certificates, Peer, shared, world } from './radsec-world.js'
import { nextIdentifier } from './rig.js'

const made = certificates(t)
const revoke = revoker(made.folder)

function lists(...names: string[]) {
  revoke(names, 'list.pem')
  return readRevocations({ crl: join(made.folder, 'list.pem'), ca: made.ca.certificate })
}

const status = () => encodeRequest(Code.StatusServer, nextIdentifier(), Buffer.alloc(0), shared).datagram

t.test('a NAS whose certificate is revoked loses its connection at once, and gets no other; others stay', async t => {
  const other = { ...byName, id: 'bras-2', addresses: ['192.0.2.2'], certificateNames: ['something'] }
  const { port, radsec, lines } = await world(t, made, { list: [byName, other], revocable: true })
  await (await Peer.open(t, made, port)).closed()
  t.same(radsec.counters().parted, { REVOCATION_UNKNOWN: 1 }, 'none is taken before the list was read')
  radsec.revoke(lists())
  const [first, second] = [await Peer.open(t, made, port), await Peer.open(t, made, port, made.byAlternatives)]
  for (const peer of [first, second]) t.ok(await peer.ask(status()))
  radsec.revoke(lists('bras-1.example.net'))
  await first.closed()
  t.ok(await second.ask(status()))
  await (await Peer.open(t, made, port)).closed()
  t.equal(radsec.counters().parted.REVOKED, 2)
  t.match(
    lines.filter(({ reason }) => reason === 'REVOKED'),
    [{ detail: /CN=bras-1\.example\.net, number [0-9a-f]+, was revoked by CN=ca on 20/ }]
  )
  t.ok(radsec.revokedUntil > Date.now())
})
