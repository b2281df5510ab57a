// npm run test:faults [-- words]: all fault tests with the whole agent, or those whose names contain the words; about
// twenty minutes. Ends with a table, and then a plain count.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { makeReady, root } from './ready.mjs'

const say = text => process.stdout.write(`${text}\n`)

/** Reads TAP: the figures of each row are comments, its result stands at the margin. */
function reader(rows) {
  const figures = new Map()
  let failing = false
  return line => {
    const measured = /^ *# figures (.*?): (\{.*\})$/.exec(line)
    if (measured !== null) return void figures.set(measured[1], JSON.parse(measured[2]))
    const point = /^( *)(not )?ok \d+ - (.*?)( # time=.*| # SKIP.*)?$/i.exec(line)
    if (point === null) {
      if (failing) say(line)
      if (/^ *\.\.\.$/.test(line)) failing = false
      return
    }
    const [, indent, not, name, rest = ''] = point
    failing = not !== undefined
    if (failing) say(line)
    if (indent !== '') return
    const skipped = /# SKIP ?(.*)/i.exec(rest)
    const result = skipped === null ? (not === undefined ? 'holds' : 'FAILS') : `skipped: ${skipped[1]}`
    rows.push({ name, result, figures: figures.get(name) ?? {} })
    say(`${result}: ${name}`)
  }
}

function tableOf(rows) {
  const words = of =>
    Object.entries(of)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')
  const lines = rows.map(({ name, result, figures }) => `| ${name} | ${result} | ${words(figures)} |`)
  return ['| fault | result | figures |', '|---|---|---|', ...lines].join('\n')
}

makeReady(say)
const rows = []
const tests = spawn(process.execPath, [`${root}dist/test/faults/full.js`, ...process.argv.slice(2)], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, TURNPIKE_FAULTS: 'full' }
})
createInterface({ input: tests.stdout }).on('line', reader(rows))
const status = await new Promise(resolve => tests.on('close', resolve))
const count = of => rows.filter(({ result }) => result.startsWith(of)).length
say(`\n${tableOf(rows)}\n`)
say(`${count('holds')} hold, ${count('FAILS')} fail, ${count('skipped')} skipped`)
process.exit(status === 0 ? 0 : 1)
