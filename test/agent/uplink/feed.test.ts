import type { ServerResponse } from 'node:http'
import type { Test } from 'tap'
import t from 'tap'
import { readNotice, RecordKind, type Nas, type Subscriber } from '../../../agent/model/index.js'
import { Commands, Replica } from '../../../agent/subscribers/index.js'
import { HttpTransport, Uplink, type HttpTimeouts, type UplinkOptions } from '../../../agent/uplink/index.js'
import { command, frame, half, lines, openStream, quickSleep, ScriptedCloud, silent, until } from './cloud.js'
import { MemoryLedger } from './memory-ledger.js'

const someone = (n: number, profile = 'p'): Subscriber => ({
  id: `s${n}`,
  username: `u${n}`,
  status: 'active',
  profile
})
const changed = (n: number, of: Subscriber): string => frame(`c${n}`, 'subscriber.changed', of, n)
const document = (of: Subscriber): string => JSON.stringify({ kind: 'subscriber', document: of })
const end = (cursor: number, subscribers: number): string =>
  JSON.stringify({
    cursor: `c${cursor}`,
    sequence: String(cursor),
    counts: { subscriber: subscribers, profile: 0, nas: 0, device: 0 }
  })

interface Bench {
  readonly cloud: ScriptedCloud
  readonly ledger: MemoryLedger
  readonly replica: Replica
  readonly commands: Commands
  readonly slept: number[]
  readonly uplink: Uplink
  readonly state: () => Record<string, string>
}

async function bench(
  t: Test,
  prepare: (cloud: ScriptedCloud, replica: Replica) => void | Promise<void>,
  more: { ledger?: MemoryLedger; timeouts?: Partial<HttpTimeouts>; options?: Partial<UplinkOptions> } = {}
): Promise<Bench> {
  const cloud = new ScriptedCloud()
  const url = await cloud.listen()
  t.teardown(() => cloud.close())
  const ledger = more.ledger ?? new MemoryLedger()
  const replica = await Replica.open(ledger)
  const commands = await Commands.open(ledger, () => 0)
  cloud.snapshotLines = [end(0, 0)]
  await prepare(cloud, replica)
  const slept: number[] = []
  const uplink = new Uplink({
    ledger,
    replica,
    commands,
    transport: new HttpTransport({ url, token: () => 'token', timeouts: more.timeouts ?? {} }),
    source: '/agents/test',
    log: silent,
    clock: Date.now,
    version: '1',
    sleep: quickSleep(slept),
    random: half,
    limits: { ageMs: 0 },
    ...more.options
  })
  t.teardown(() => uplink.close())
  await uplink.start()
  const state = (): Record<string, string> =>
    Object.fromEntries([...replica.subscribers()].map(({ id, profile }) => [id, profile]))
  return { cloud, ledger, replica, commands, slept, uplink, state }
}

const play =
  (...frames: string[]) =>
  (response: ServerResponse): unknown =>
    openStream(response).write(frames.join(''))
const playAndClose =
  (...frames: string[]) =>
  (response: ServerResponse): unknown =>
    openStream(response).end(frames.join(''))
const status =
  (code: number, body = '') =>
  (response: ServerResponse) =>
    response.writeHead(code).end(body)
const problems = ({ ledger }: Bench): { code: string; words: string; subject?: string }[] =>
  ledger.records
    .filter(({ kind }) => kind === RecordKind.agentStatus)
    .flatMap(({ payload }) => (readNotice(payload)['problems'] ?? []) as { code: string; words: string }[])

void t.test('a first start takes a snapshot, then follows the feed from its cursor', async t => {
  const all = await bench(t, cloud => {
    cloud.snapshotLines = [document(someone(1)), document(someone(2)), end(7, 2)]
    cloud.feeds.push(
      play(changed(8, someone(3)), changed(9, someone(1, 'q')), frame('c10', 'subscriber.removed', { id: 's2' }, 10))
    )
  })
  await until(() => all.replica.cursor === 'c10')
  t.strictSame(all.state(), { s1: 'q', s3: 'p' })
  t.strictSame(all.cloud.lastEventIds, ['c7'])
  t.match(all.uplink.status().feed, { state: 'connected', cursor: 'c10' })
})

void t.test('every kind of document and removal is applied', async t => {
  const nas: Nas = { id: 'n', addresses: ['192.0.2.1'], vendor: 'standard', secretRef: 'env:S' }
  const all = await bench(t, cloud => {
    cloud.feeds.push(
      play(
        frame('1', 'profile.changed', { id: 'p', down: 5 }, 1),
        frame('2', 'nas.changed', nas, 2),
        frame('3', 'device.changed', { id: 'd', driver: 'x', address: 'a' }, 3),
        frame('4', 'profile.changed', { id: 'p2' }, 4),
        frame('5', 'profile.removed', { id: 'p2' }, 5)
      )
    )
  })
  await until(() => all.replica.cursor === '5')
  t.strictSame(all.replica.counts(), { subscriber: 0, profile: 1, nas: 1, device: 1 })
  t.strictSame(all.replica.nas('n'), nas)
})

void t.test('after a break it goes on from the last message that is durable', async t => {
  const all = await bench(t, cloud => {
    cloud.feeds.push(
      playAndClose(changed(1, someone(1)), changed(2, someone(2)), changed(3, someone(3)).slice(0, -10)),
      response => openStream(response).write(changed(3, someone(3)), () => response.socket?.destroy()),
      play(changed(4, someone(4)))
    )
  })
  await until(() => all.replica.cursor === 'c4')
  t.strictSame(Object.keys(all.state()), ['s1', 's2', 's3', 's4'])
  t.strictSame(all.cloud.lastEventIds, ['c0', 'c2', 'c3'])
})

void t.test('a disk that refuses moves neither the replica nor the cursor; the message comes again', async t => {
  const ledger = new MemoryLedger()
  let failures = 0
  const all = await bench(
    t,
    cloud => {
      cloud.feeds.push(
        response => {
          failures = 1
          openStream(response).write(changed(1, someone(1)))
        },
        play(changed(1, someone(1)), changed(2, someone(2)))
      )
      ledger.before = step => {
        if (step === 'write' && failures-- > 0) throw new Error('ENOSPC')
      }
    },
    { ledger }
  )
  await until(() => all.replica.cursor === 'c2')
  t.strictSame(all.cloud.lastEventIds, ['c0', 'c0'])
  t.strictSame(all.state(), { s1: 'p', s2: 'p' })
})

void t.test('a replay changes nothing, an older document among it neither', async t => {
  const all = await bench(t, cloud => {
    const story = [changed(1, someone(1, 'a')), changed(2, someone(1, 'b')), changed(3, someone(1, 'c'))]
    cloud.feeds.push(play(...story, ...story.slice(0, 2), changed(4, someone(2))))
  })
  const seen: unknown[] = []
  all.replica.on('changed', changes => seen.push(...changes.map(({ document }) => (document as Subscriber).profile)))
  await until(() => all.replica.cursor === 'c4')
  t.strictSame(all.state(), { s1: 'c', s2: 'p' })
  t.notOk(seen.includes('a') && seen.indexOf('a') > seen.indexOf('c') && seen.includes('c'), 'never back')
})

void t.test('without sequence numbers a replay ends in the same state', async t => {
  const story = ['a', 'b', 'c'].map((profile, n) => frame(`c${n + 1}`, 'subscriber.changed', someone(1, profile)))
  const all = await bench(
    t,
    cloud => void cloud.feeds.push(play(...story, ...story, frame('c9', 'profile.removed', { id: 'x' })))
  )
  await until(() => all.replica.cursor === 'c9')
  t.strictSame(all.state(), { s1: 'c' })
})

void t.test('messages out of order are asked for again; a gap that stays ends in a snapshot', async t => {
  const all = await bench(t, cloud => {
    cloud.feeds.push(
      play(changed(2, someone(1, 'new')), changed(1, someone(1, 'old'))),
      play(changed(1, someone(1, 'old')), changed(3, someone(3))),
      play(changed(2, someone(1, 'new')), changed(3, someone(3))),
      play()
    )
  })
  await until(() => all.replica.cursor === 'c3')
  t.strictSame(all.state(), { s1: 'new', s3: 'p' })
  t.strictSame(all.cloud.lastEventIds, ['c0', 'c0', 'c1'])

  const gaps = await bench(t, cloud => {
    cloud.snapshotLines = [document(someone(1)), end(5, 1)]
    const jump = (response: ServerResponse): void => {
      if (cloud.feeds.length === 0 && cloud.lastEventIds.length === 3)
        cloud.snapshotLines = [document(someone(1)), document(someone(7)), end(7, 2)]
      openStream(response).write(changed(9, someone(9)))
    }
    cloud.feeds.push(jump, jump, jump)
  })
  await until(() => gaps.replica.cursor === 'c7')
  t.strictSame(gaps.state(), { s1: 'p', s7: 'p' })
})

void t.test('numbering that began anew at billing ends in a snapshot too', async t => {
  const all = await bench(t, cloud => {
    cloud.snapshotLines = [end(5000, 0)]
    cloud.feeds.push(response => {
      cloud.snapshotLines = [document(someone(1)), end(3, 1)]
      openStream(response).write(Array.from({ length: 1100 }, (_, n) => changed(n + 1, someone(n))).join(''))
    })
  })
  await until(() => all.replica.cursor === 'c3')
  t.strictSame(all.state(), { s1: 'p' })
})

void t.test(
  'a message that does not fit is reported and skipped, never half applied, and nothing secret is told',
  async t => {
    const all = await bench(t, cloud => {
      cloud.feeds.push(
        play(
          changed(1, { ...someone(1), status: 'odd' as 'active', credentials: { password: 'hunter2' } }),
          'id: c2\ndata: {"no json\n\n',
          'id: c3\ndata: {"specversion":"1.0"}\n\n',
          frame('c4', 'invoice.created', { id: 'i' }),
          frame('c5', 'nas.changed', { id: 'n', addresses: ['host.example'], vendor: 'standard', secretRef: 'env:S' }),
          frame('c6', 'command.requested', { id: 'cmd', verb: 'explode' }),
          frame('c7', 'subscriber.removed', {}),
          frame('c8', 'subscriber.changed', someone(8))
        )
      )
    })
    await until(() => all.replica.cursor === 'c8')
    t.strictSame(all.state(), { s8: 'p' })
    t.strictSame(all.replica.counts().nas, 0)
    const told = problems(all)
    t.strictSame(
      told.map(({ code, subject }) => [code, subject]),
      [
        ['MESSAGE_MISFIT', 's1'],
        ['MESSAGE_MISFIT', undefined],
        ['MESSAGE_MISFIT', undefined],
        ['MESSAGE_MISFIT', undefined],
        ['MESSAGE_MISFIT', 'n'],
        ['MESSAGE_MISFIT', undefined]
      ]
    )
    t.match(told[0]?.words, /^subscriber.changed: \/status /)
    t.match(told[4]?.words, '/addresses/0 is no IP address or prefix')
    t.notMatch(JSON.stringify(told), 'hunter2')
    const refused = all.ledger.records.filter(({ kind }) => kind === RecordKind.commandCompleted)
    t.match(
      refused.map(({ payload }) => readNotice(payload)),
      [{ command: 'cmd', outcome: 'refused', words: /verb/ }]
    )
  }
)

void t.test('a flood of misfits does not become a flood of records', async t => {
  const all = await bench(t, cloud => {
    const frames = Array.from({ length: 3000 }, (_, n) => frame(`c${n}`, 'subscriber.changed', { id: `x${n}` }))
    cloud.feeds.push(play(...frames, frame('last', 'profile.removed', { id: 'x' })))
  })
  await until(() => all.replica.cursor === 'last')
  t.ok(all.ledger.records.length <= 12, `${all.ledger.records.length} records`)
})

void t.test('commands are handed over once, in their place among the changes', async t => {
  const seen: string[] = []
  const all = await bench(t, cloud => {
    cloud.feeds.push(
      playAndClose(
        changed(1, someone(1, 'a')),
        frame('c2', 'command.requested', command('k1'), 2),
        changed(3, someone(1, 'b'))
      ),
      play(frame('c3', 'command.requested', command('k1')), frame('c4', 'command.requested', command('k2'), 4))
    )
  })
  all.commands.on('requested', ({ id }) => seen.push(`${id} at ${all.replica.subscriber('s1')?.profile}`))
  await until(() => all.replica.cursor === 'c4')
  t.strictSame(seen, ['k1 at a', 'k2 at b'])
  t.strictSame((await Replica.open(all.ledger)).position, { cursor: 'c4', sequence: '4' })
  t.equal(all.ledger.writes, 6, 'snapshot, change, command, change, the place of the replay, command')
})

void t.test('410 takes a snapshot; even if billing says it for ever there is a pause in between', async t => {
  const all = await bench(t, async (cloud, replica) => {
    await replica.apply([{ kind: 'subscriber', id: 's1', document: someone(1) }], 'old')
    cloud.snapshotLines = [document(someone(1, 'q')), end(5, 1)]
    cloud.feeds.push(status(410), status(410), status(410), play(changed(6, someone(6))))
  })
  await until(() => all.replica.cursor === 'c6')
  t.strictSame(all.state(), { s1: 'q', s6: 'p' })
  t.strictSame(all.cloud.lastEventIds, ['old', 'c5', 'c5', 'c5'])
  t.strictSame(all.slept.slice(0, 3), [250, 500, 1000])
})

const brokenSnapshots: readonly (readonly [string, (response: ServerResponse) => unknown])[] = [
  ['without its last line', response => response.end(lines([document(someone(1))]))],
  ['cut off in a line', response => response.end(`${document(someone(1))}\n${document(someone(2)).slice(0, 20)}`)],
  [
    'cut off by a reset',
    response => {
      response.writeHead(200)
      response.write(lines([document(someone(1))]), () => response.socket?.destroy())
    }
  ],
  ['with counts that do not match', response => response.end(lines([document(someone(1)), end(9, 2)]))],
  ['with lines after the last', response => response.end(lines([end(9, 1), document(someone(1))]))],
  ['with a document twice', response => response.end(lines([document(someone(1)), document(someone(1)), end(9, 2)]))],
  ['with garbage in it', response => response.end(lines([document(someone(1)), '<html>', end(9, 1)]))],
  ['that is no snapshot', response => response.end('<html>welcome to the portal</html>')],
  ['that is empty', response => response.end()],
  ['refused with 500', status(500)],
  ['refused with 404', status(404)],
  ['that never begins', () => {}],
  ['that stops in the middle', response => void response.writeHead(200).write(lines([document(someone(1))]))]
]

for (const [name, broken] of brokenSnapshots)
  void t.test(`a snapshot ${name} is thrown away whole, and taken again`, async t => {
    const before = [1, 2, 3].map(n => someone(n))
    const states: unknown[] = []
    const all = await bench(
      t,
      async (cloud, replica) => {
        await replica.apply(
          before.map(one => ({ kind: 'subscriber', id: one.id, document: one })),
          'old'
        )
        cloud.feeds.push(status(410))
        cloud.snapshots.push(response => broken(response))
        cloud.snapshotLines = [...before.map(document), document(someone(4)), end(5, 4)]
        replica.on('changed', changes => states.push(changes.map(({ id }) => id)))
      },
      { timeouts: name.endsWith('never begins') ? { answer: 200 } : { silence: 200 } }
    )
    await until(() => all.replica.cursor === 'c5')
    t.strictSame(states, [['s4']], 'nothing was removed or changed in between')
    t.equal(all.cloud.snapshots.length, 0)
  })

void t.test('a document that does not fit in a snapshot is reported; what was known of it stays', async t => {
  const all = await bench(t, async (cloud, replica) => {
    await replica.apply([{ kind: 'subscriber', id: 's1', document: someone(1) }], 'old')
    cloud.feeds.push(status(410))
    cloud.snapshotLines = [
      JSON.stringify({ kind: 'subscriber', document: { id: 's1', username: '' } }),
      JSON.stringify({ kind: 'subscriber', document: { id: 's2', username: '' } }),
      document(someone(3)),
      end(5, 3)
    ]
  })
  await until(() => all.replica.cursor === 'c5')
  t.strictSame(all.state(), { s1: 'p', s3: 'p' })
  t.strictSame(
    problems(all).map(({ code, subject }) => [code, subject]),
    [
      ['DOCUMENT_MISFIT', 's1'],
      ['DOCUMENT_MISFIT', 's2']
    ]
  )
})

void t.test('a snapshot that removes too many is held; a person confirms it and the feed goes on', async t => {
  const ten = Array.from({ length: 10 }, (_, n) => someone(n))
  const all = await bench(t, async (cloud, replica) => {
    await replica.apply(
      ten.map(one => ({ kind: 'subscriber', id: one.id, document: one })),
      'old'
    )
    cloud.feeds.push(status(410), play(changed(6, someone(1, 'q'))))
    cloud.snapshotLines = [document(someone(1)), end(5, 1)]
  })
  await until(() => all.uplink.status().feed.state === 'held')
  t.equal(all.replica.counts().subscriber, 10)
  await until(() => problems(all).length > 0)
  t.match(problems(all), [{ code: 'SNAPSHOT_HELD', words: 'the snapshot would remove 9 of 10 subscribers' }])
  await all.replica.confirmHeld()
  await until(() => all.replica.cursor === 'c6')
  t.strictSame(all.state(), { s1: 'q' })
})

void t.test('a held snapshot is looked at again later, in case billing has mended it', async t => {
  const ten = Array.from({ length: 10 }, (_, n) => someone(n))
  const waits: (() => void)[] = []
  const quick = quickSleep()
  const all = await bench(
    t,
    async (cloud, replica) => {
      await replica.apply(
        ten.map(one => ({ kind: 'subscriber', id: one.id, document: one })),
        'old'
      )
      cloud.feeds.push(status(410))
      cloud.snapshotLines = [end(5, 0)]
    },
    {
      options: {
        sleep: (ms, signal) => {
          if (ms !== 600_000) return quick(ms, signal)
          return new Promise(resolve => {
            waits.push(resolve)
            signal.addEventListener('abort', () => resolve())
          })
        }
      }
    }
  )
  await until(() => waits.length === 1)
  all.cloud.snapshotLines = [...ten.map(document), end(6, 10)]
  waits[0]?.()
  await until(() => all.replica.cursor === 'c6')
  t.equal(all.replica.held, undefined)
  t.equal(all.replica.counts().subscriber, 10)
})

const brokenFeeds: readonly (readonly [string, (response: ServerResponse) => unknown, RegExp])[] = [
  ['silent', response => openStream(response), /silent/],
  ['that never begins to answer', () => {}, /silent/],
  ['of garbage', response => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'), /event-stream/],
  ['refused with 401', status(401, 'who?'), /HTTP 401: who\?/],
  ['refused with 503', response => response.writeHead(503, { 'retry-after': '9' }).end(), /HTTP 503/],
  [
    'with a message without end',
    response => {
      response.on('error', () => {})
      openStream(response).write('data: ')
      const more = (): void => {
        if (!response.destroyed) response.write(Buffer.alloc(1 << 16, 'a'), more)
      }
      more()
    },
    /longer than/
  ]
]

for (const [name, broken, words] of brokenFeeds)
  void t.test(`a feed ${name} is left and asked for again`, async t => {
    const seen: unknown[] = []
    const all = await bench(
      t,
      cloud => {
        cloud.feeds.push(
          response => broken(response),
          response => {
            seen.push(all.uplink.status().feed.lastError)
            openStream(response).write(changed(1, someone(1)))
          }
        )
      },
      { timeouts: name === 'silent' ? { silence: 200 } : { answer: 200 } }
    )
    await until(() => all.replica.cursor === 'c1')
    t.match(seen, [words])
    if (name.endsWith('503')) t.ok(all.slept.includes(9000))
  })

void t.test('heartbeats keep a quiet feed alive', async t => {
  const all = await bench(
    t,
    cloud => {
      cloud.feeds.push(response => {
        openStream(response)
        let beats = 0
        const timer = setInterval(() => {
          response.write(++beats < 10 ? ': heartbeat\n\n' : changed(1, someone(1)))
          if (beats === 10) clearInterval(timer)
        }, 50)
      })
    },
    { timeouts: { silence: 300 } }
  )
  await until(() => all.replica.cursor === 'c1')
  t.equal(all.cloud.lastEventIds.length, 1)
})

void t.test('a disk that is slower than the silence that is allowed does not break the feed', async t => {
  const ledger = new MemoryLedger()
  const write = ledger.write.bind(ledger)
  let isSlow = false
  ledger.write = async changes => {
    if (isSlow) await new Promise(resolve => setTimeout(resolve, 300))
    return write(changes)
  }
  const all = await bench(
    t,
    cloud => {
      cloud.feeds.push(response => {
        isSlow = true
        openStream(response).write(changed(1, someone(1)))
        all.replica.on('changed', () => response.write(changed(2, someone(2))))
      })
    },
    { ledger, timeouts: { silence: 100 } }
  )
  await until(() => all.replica.cursor === 'c2' || all.cloud.lastEventIds.length > 1)
  t.equal(all.cloud.lastEventIds.length, 1)
})

void t.test('messages that arrive faster than the disk wait outside: no more than a socket holds is read', async t => {
  const ledger = new MemoryLedger()
  let release = (): void => {}
  let isBlocked = false
  const write = ledger.write.bind(ledger)
  ledger.write = async changes => {
    if (isBlocked) await new Promise<void>(resolve => (release = resolve))
    return write(changes)
  }
  let sent = 0
  let isFull = false
  const all = await bench(
    t,
    cloud => {
      cloud.feeds.push(response => {
        isBlocked = true
        openStream(response)
        const more = (): void => {
          while (sent < 60_000)
            if (
              !response.write(
                changed(++sent, { ...someone(sent % 50), attributes: { 'Reply-Message': 'x'.repeat(900) } })
              )
            ) {
              response.once('drain', more)
              isFull = true
              return
            }
        }
        more()
      })
    },
    { ledger }
  )
  await until(() => isFull)
  for (let n = 0; n < 2000; n++) await new Promise(setImmediate)
  t.ok(sent < 40_000, `${sent} of 60000 messages have left billing`)
  isBlocked = false
  release()
  await until(() => all.replica.position?.sequence === '60000')
  t.equal(all.replica.counts().subscriber, 50)
})

void t.test('whatever is cut, replayed or reordered, the replica ends as billing’s state', async t => {
  let seed = 42
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % below
  }
  for (let round = 0; round < 5; round++) {
    const state = new Map<string, string>()
    const story: string[] = []
    const all = await bench(t, cloud => {
      for (let n = 1; n <= 200; n++) {
        const one = someone(random(20), `p${n}`)
        if (random(4) === 0) {
          state.delete(one.id)
          story.push(frame(`c${n}`, 'subscriber.removed', { id: one.id }, n))
        } else {
          state.set(one.id, one.profile)
          story.push(changed(n, one))
        }
      }
      const serve = (response: ServerResponse, cursor: string | undefined): void => {
        cloud.feeds.push(serve)
        const from = Number(cursor?.slice(1) ?? 0)
        const part = story.slice(Math.max(0, from - random(5)))
        const at = random(part.length)
        const moved = random(3) === 0 ? [...part.slice(0, at), ...part.slice(at).toReversed()] : part
        const text = moved.join('')
        openStream(response).end(text.slice(0, random(text.length * 2)))
      }
      cloud.feeds.push(serve)
      cloud.snapshots.push(response => response.end(lines([end(0, 0)])))
      cloud.snapshotLines = ['never']
    })
    await until(() => all.replica.cursor === 'c200' || all.cloud.requests > 3000)
    t.strictSame(all.state(), Object.fromEntries(all.replica.cursor === 'c200' ? [...state] : []), `round ${round}`)
    await all.uplink.close()
  }
})
