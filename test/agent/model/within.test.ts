import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { within } from '../../../agent/model/index.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const forAbort = (signal: AbortSignal) =>
  new Promise<string>(resolve => {
    signal.addEventListener('abort', () => resolve('given up'))
  })

t.test('the time limit holds, whatever the garbage collector takes meanwhile', async t => {
  const other = new AbortController()
  const work = within(300, [other.signal], forAbort)
  const collecting = setInterval(collectGarbage, 20)
  t.teardown(() => clearInterval(collecting))
  t.equal(await work, 'given up')
})

t.test('any of the others gives it up, also one that has come already', async t => {
  const other = new AbortController()
  const work = within(60_000, [new AbortController().signal, other.signal], forAbort)
  other.abort()
  t.equal(await work, 'given up')
  await within(60_000, [other.signal], async signal => t.ok(signal.aborted))
  await t.rejects(
    within(60_000, [], async () => Promise.reject(new Error('its own'))),
    /its own/
  )
})
