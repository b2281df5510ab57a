// npm run docs: writes the documents that are made from the code (errors, Edge API, configuration schema) anew.
import { spawnSync } from 'node:child_process'
import { makeReady, root } from './ready.mjs'

makeReady()
for (const test of ['docs/errors', 'agent/uplink/events', 'config/config']) {
  const { status } = spawnSync(process.execPath, [`${root}dist/test/${test}.test.js`], {
    cwd: root,
    env: { ...process.env, TURNPIKE_WRITE_DOCS: '1' },
    stdio: ['ignore', 'ignore', 'inherit']
  })
  process.stdout.write(`${test}: ${status === 0 ? 'written' : 'written, but its test fails'}\n`)
}
