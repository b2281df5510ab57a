import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'

interface Layering {
  checkLayering: (directory: string, places: string[]) => Promise<{ modules: number; violations: string[] }>
}
const root = join(import.meta.dirname, '../../..')
const { checkLayering } = (await import(pathToFileURL(join(root, 'tools/layering.mjs')).href)) as Layering
const noun = 'export interface Noun { x: number }\n'

t.test('a type-only import against the grain is caught and named', async t => {
  const directory = t.testdir({
    protocols: { 'wire.ts': "import type { Noun } from '../agent/model/noun.js'\nexport type Wire = Noun\n" },
    agent: { model: { 'noun.ts': noun } }
  })
  const { violations } = await checkLayering(directory, ['protocols', 'agent'])
  t.match(violations, [/protocols\/wire\.ts → agent\/model\/noun\.ts: protocols\/ imports only/])
})

t.test('modules of one level of the agent may not meet', async t => {
  const directory = t.testdir({
    agent: {
      model: { 'noun.ts': noun },
      uplink: { 'up.ts': "import type { Noun } from '../enforcement/en.js'\nexport type Up = Noun\n" },
      enforcement: { 'en.ts': "export type { Noun } from '../model/noun.js'\n" }
    }
  })
  const { violations } = await checkLayering(directory, ['agent'])
  t.equal(violations.length, 1, 'and the import of the model is fine')
  t.match(violations[0], /agent\/uplink\/up\.ts → agent\/enforcement\/en\.ts/)
})

t.test('a cycle is caught', async t => {
  const directory = t.testdir({
    protocols: { 'a.ts': "import './b.js'\nexport const a = 1\n", 'b.ts': "import './a.js'\nexport const b = 1\n" }
  })
  const { violations } = await checkLayering(directory, ['protocols'])
  t.match(violations.join('\n'), /no cycles/)
})
