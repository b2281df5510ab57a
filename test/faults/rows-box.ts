import type { Test } from 'tap'
import { Code } from '../../protocols/radius/index.js'
import { seededRandom } from '../../sandbox/nas/index.js'
import { type Calls, pause } from './calls.js'
import { inject, LoopDisk } from './disk.js'
import { figures } from './figures.js'
import { Rig } from './rig.js'

/*
 * What happens to the box: the process is killed, the power goes, the disk fails.
 */

/** kill -9 at random moments under load, and at once a new start. */
export async function killed(t: Test, rounds: number): Promise<void> {
  const rig = await Rig.make(t)
  await rig.start()
  await rig.synced()
  const random = seededRandom(7)
  const calls = rig.calls()
  const nas = await rig.nas(50)
  for (let round = 0; round < rounds; round++) {
    await calls.more(20)
    await pause(Math.floor(random() * 150))
    await rig.agent.end('SIGKILL')
    await rig.start()
  }
  await calls.stop()
  await nas.stop({ patienceMs: 30_000 })
  await rig.drained()
  const { used, acknowledged } = nas.totals()
  t.strictSame(acknowledged, used, 'every report of the long sessions was acknowledged in the end')
  const { upOctets, downOctets } = rig.billing.totals()
  const called = [...calls.acknowledged.values()].reduce((sum, octets) => sum + octets, 0n)
  t.equal(upOctets + downOctets, used.up + used.down + called, 'the bill is right to the octet')
  rig.assertBooks(t, calls)
  t.strictSame(rig.gaps(), [], 'no sequence is missing')
  const { duplicates } = rig.billing.totals()
  figures(t, { kills: rounds, calls: calls.acknowledged.size, comeTwiceToBilling: duplicates })
}

/** The power is cut under load: what was not flushed is gone. */
export async function powerless(t: Test, cuts: number): Promise<void> {
  const rig = await Rig.make(t)
  const disk = LoopDisk.make(t, rig.data, 128)
  await rig.start()
  await rig.synced()
  const random = seededRandom(11)
  // The box may not be asked again after the cut: what it has not acknowledged by then is given up.
  const calls = rig.calls({ transmissions: 3 })
  for (let cut = 0; cut < cuts; cut++) {
    await calls.more(200)
    await pause(Math.floor(random() * 200))
    // Without power nobody speaks either. An agent that went on would hear ext4 confirm the fdatasync that was under way
    // when its disk went, and lose it: so does a bare loop of write and fdatasync.
    rig.agent.child.kill('SIGSTOP')
    disk.cutPower()
    await rig.agent.end('SIGKILL')
    disk.unmount()
    disk.mount()
    await rig.start()
  }
  await calls.stop()
  await rig.drained()
  rig.assertBooks(t, calls)
  t.strictSame(rig.gaps(), [], 'no sequence is missing')
  figures(t, { cuts, calls: calls.acknowledged.size })
  await rig.agent.end('SIGKILL')
}

/** One way in which a disk fails. @returns mends it */
type Failure = (rig: Rig, disk: LoopDisk, calls: Calls) => Promise<() => Promise<void>>

export const failures = {
  'every fdatasync fails with EIO': ({ t, agent }) => inject(t, agent.pid, 'fdatasync,fsync', 'error=EIO'),
  'the disk is full': async (_rig, disk) => {
    disk.fill()
    return async () => disk.empty()
  },
  // Between two loads: an fdatasync that is under way at that moment may be confirmed by ext4 and lost all the same,
  // which no program can see (Linux 6.18; a bare loop of write and fdatasync loses its last one in 4 of 25 attempts).
  'the file system goes read-only': async (rig, disk, calls) => {
    await calls.stop()
    await rig.drained()
    disk.breakFileSystem()
    calls.start()
    return async () => disk.repair()
  }
} satisfies Record<string, Failure>

/** A failing disk: accounting falls silent, access is answered, and all goes on by itself when the disk does. */
export async function failing(t: Test, fail: Failure): Promise<void> {
  const rig = await Rig.make(t)
  const disk = LoopDisk.make(t, rig.data, 96)
  const agent = await rig.start()
  await rig.synced()
  const calls = rig.calls()
  await calls.more(100)
  const mend = await fail(rig, disk, calls)
  const failedAt = Date.now()
  await calls.silence(1500)
  const silentAfterMs = Date.now() - failedAt - 1500
  const before = calls.acknowledged.size
  t.equal(await rig.access(), Code.AccessAccept, 'access is answered')
  t.match((await agent.status()).attention.join(), /ledger takes no records/, 'turnpike status says so')
  t.equal(calls.acknowledged.size, before, 'accounting is silent')
  await mend()
  const mendedAt = Date.now()
  await calls.more(100)
  const backAfterMs = Date.now() - mendedAt
  t.ok(agent.alive, 'without a restart')
  await calls.stop()
  await rig.drained()
  rig.assertBooks(t, calls)
  t.strictSame(rig.gaps(), [], 'no sequence is missing')
  figures(t, { silentAfterMs, backAfterMs, calls: calls.acknowledged.size })
  await agent.end('SIGKILL')
}
