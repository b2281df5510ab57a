import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { errorsDocument, tables } from './errors.js'

const root = join(import.meta.dirname, '../../..')
const file = join(root, 'docs/errors.md')

t.test('docs/errors.md explains every code in the words of its table', async t => {
  if (process.env['TURNPIKE_WRITE_DOCS'] !== undefined) writeFileSync(file, errorsDocument())
  t.equal(readFileSync(file, 'utf8'), errorsDocument())
})

t.test('no table of codes is forgotten there', async t => {
  const known = new Set(tables.map(({ name }) => name))
  for (const folder of ['protocols', 'agent', 'drivers', 'server', 'config', 'sandbox', 'cli']) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!entry.endsWith('.ts')) continue
      const found = readFileSync(join(root, folder, entry), 'utf8').matchAll(/^export const (\w+Errors) =/gm)
      for (const [, name = ''] of found) t.ok(known.has(name), `${name} of ${folder}/${entry}`)
    }
  }
})
