import t from 'tap'
import { readNotice, type Command } from '../../../agent/model/index.js'
import { Commands } from '../../../agent/subscribers/index.js'
import { MemoryLedger } from '../uplink/memory-ledger.js'

const order = (id: string, more: Partial<Command> = {}): Command => ({ id, verb: 'disconnect', ...more })
const completions = (ledger: MemoryLedger): unknown[] => ledger.records.map(({ payload }) => readNotice(payload))

void t.test('asked twice is asked once, with the cursor in the same write', async t => {
  const ledger = new MemoryLedger()
  const commands = await Commands.open(ledger, () => 1)
  const seen: string[] = []
  commands.on('requested', ({ id }) => seen.push(id))
  await commands.request(order('c1'), 'p1')
  t.equal(ledger.writes, 1)
  t.match(ledger.tables.get('feed')?.get('position')?.toString(), '"p1"')
  await commands.request(order('c1'), 'p2')
  t.match(ledger.tables.get('feed')?.get('position')?.toString(), '"p2"')
  t.strictSame(seen, ['c1'])
  t.strictSame((await Commands.open(ledger, () => 2)).pending(), [order('c1')])
  commands.on('requested', () => {
    throw new Error('listener')
  })
  await commands.request(order('c2'), 'p3')
  t.equal(commands.pending().length, 2, 'a listener that throws changes nothing')
})

void t.test('completed once, with one record, however often it is said', async t => {
  const ledger = new MemoryLedger()
  const commands = await Commands.open(ledger, () => 5)
  await commands.request(order('c1'))
  await Promise.all([commands.complete('c1', 'done', 'cut off'), commands.complete('c1', 'failed', 'no')])
  await commands.complete('c1', 'failed', 'again')
  t.strictSame(completions(ledger), [
    { subject: 'c1', command: 'c1', verb: 'disconnect', outcome: 'done', words: 'cut off' }
  ])
  t.strictSame(commands.pending(), [])
  const again = await Commands.open(ledger, () => 6)
  await again.request(order('c1'))
  t.strictSame(again.pending(), [], 'known after a restart')
  await t.rejects(again.complete('c2', 'done', ''), { code: 'SUBSCRIBERS_UNKNOWN_COMMAND' })
})

void t.test('a crash between any two writes of a completion leaves exactly one record', async t => {
  for (const survives of [1, 2, 3]) {
    const ledger = new MemoryLedger()
    const commands = await Commands.open(ledger, () => 5)
    await commands.request(order('c1'))
    let steps = 0
    ledger.before = () => {
      if (++steps > survives) throw new Error('power cut')
    }
    await commands.complete('c1', 'done', 'ok').catch(() => {})
    ledger.before = () => {}
    const after = await Commands.open(ledger, () => 6)
    t.strictSame(after.pending(), [], `after ${survives} steps`)
    t.equal(completions(ledger).length, 1, `after ${survives} steps`)
  }
})

void t.test('a completion that could not be stored can be tried again, still with one record', async t => {
  const ledger = new MemoryLedger()
  const commands = await Commands.open(ledger, () => 5)
  await commands.request(order('c1'))
  ledger.failing = new Error('disk')
  await t.rejects(commands.complete('c1', 'done', 'ok'), /disk/)
  t.equal(commands.pending().length, 1)
  ledger.failing = undefined
  let calls = 0
  ledger.before = step => {
    if (step === 'write' && ++calls === 2) throw new Error('disk')
  }
  await t.rejects(commands.complete('c1', 'done', 'ok'), /disk/)
  await commands.complete('c1', 'done', 'ok')
  t.equal(completions(ledger).length, 1)
})

void t.test('one whose deadline has passed expires, on arrival or at a start', async t => {
  const ledger = new MemoryLedger()
  const commands = await Commands.open(ledger, () => Date.parse('2026-01-01T00:00:00Z'))
  const seen: string[] = []
  commands.on('requested', ({ id }) => seen.push(id))
  await commands.request(order('late', { deadline: '2025-12-31T23:59:59Z' }))
  await commands.request(order('soon', { deadline: '2026-01-01T00:00:10Z' }))
  t.strictSame(seen, ['soon'])
  const after = await Commands.open(ledger, () => Date.parse('2026-01-01T01:00:00Z'))
  t.strictSame(after.pending(), [])
  t.match(completions(ledger), [
    { command: 'late', outcome: 'expired' },
    { command: 'soon', outcome: 'expired' }
  ])
})

void t.test('only so many completed commands are remembered', async t => {
  const ledger = new MemoryLedger()
  const commands = await Commands.open(ledger, () => 5)
  for (let n = 0; n < 10_050; n++) {
    await commands.request(order(`c${n}`))
    await commands.complete(`c${n}`, 'done', '')
  }
  t.equal(ledger.tables.get('command')?.size, 10_000)
})
