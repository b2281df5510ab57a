import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { drivers } from '../../drivers/index.js'

const root = join(import.meta.dirname, '../../..')
const places = ['agent', 'cli', 'config', 'drivers', 'protocols', 'sandbox', 'server', 'wiring']
const sources = places.flatMap(place =>
  readdirSync(join(root, place), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => join(place, name))
)

t.test('every page that a text of the program names is there', async t => {
  const named = sources.flatMap(source =>
    [...readFileSync(join(root, source), 'utf8').matchAll(/docs\/[\w./-]+\.(?:md|json)/g)].map(([page]) => ({
      source,
      page
    }))
  )
  t.ok(named.length > 3, 'some are named')
  for (const { source, page } of named) t.ok(existsSync(join(root, page)), `${source} names ${page}`)
})

t.test('every driver has its page, with what to type, what is needed and what cannot be done', async t => {
  for (const name of Object.keys(drivers)) {
    const page = join(root, 'docs/drivers', `${name}.md`)
    t.ok(existsSync(page), page)
    if (name === 'radius-dae') continue
    const text = readFileSync(page, 'utf8')
    for (const title of [
      'What to type on the box',
      'What is needed in the configuration',
      'What it does',
      'What cannot be done'
    ])
      t.match(text, new RegExp(`^## ${title}$`, 'm'), `${name}: ${title}`)
  }
})

t.test('every option of a device document is in its driver’s page', async t => {
  for (const [name, file, list] of [
    ['snmp', 'drivers/snmp/target.ts', /const names = \[([^\]]+)\]/],
    ['mikrotik', 'drivers/mikrotik/target.ts', /const names = \[([^\]]+)\]/],
    ['linux', 'drivers/linux/target.ts', /const names = \[([^\]]+)\]/],
    ['openwrt', 'drivers/http.ts', /httpOptions = \[([^\]]+)\]/],
    ['genieacs', 'drivers/http.ts', /httpOptions = \[([^\]]+)\]/]
  ] as const) {
    const [, names = ''] = list.exec(readFileSync(join(root, file), 'utf8')) ?? []
    const options = [...names.matchAll(/'(\w+)'/g)].map(([, option = '']) => option)
    t.ok(options.length > 3, name)
    const text = readFileSync(join(root, 'docs/drivers', `${name}.md`), 'utf8')
    for (const option of options) t.match(text, new RegExp(`\`${option}\``), `${name}: ${option}`)
  }
})

t.test('links between the pages lead somewhere', async t => {
  const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.md')
  )
  for (const page of pages) {
    const path = join(root, 'docs', page)
    for (const [, link = ''] of readFileSync(path, 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g))
      t.ok(existsSync(join(dirname(path), link)), `${page} links to ${link}`)
  }
})
