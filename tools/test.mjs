// npm test: packages, build (which checks the types), lint, format, layering, then all tests. Ends with a plain count.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { makeReady, root } from './ready.mjs'

const bin = name => `${root}node_modules/.bin/${name}`
const say = text => process.stdout.write(`${text}\n`)

function check(what, program, args) {
  say(`${what} …`)
  if (spawnSync(program, args, { cwd: root, stdio: 'inherit' }).status === 0) return true
  say(`${what} found something: mend what stands above.`)
  return false
}

async function layering() {
  say('layering …')
  const { checkLayering } = await import('./layering.mjs')
  const { violations } = await checkLayering(root, [
    'protocols',
    'agent',
    'drivers',
    'server',
    'config',
    'sandbox',
    'main.ts',
    'wiring',
    'cli',
    'bench',
    'test'
  ])
  for (const violation of violations) say(`  ${violation}`)
  return violations.length === 0
}

/** Reads TAP: what stands one level below a file is a test; the rest is shown only where it failed. */
function reader(count) {
  let failing = false
  return line => {
    const point = /^( *)(not )?ok \d+ - (.*)$/.exec(line)
    if (point === null) {
      if (failing) say(line)
      if (/^ *\.\.\.$/.test(line)) failing = false
      return
    }
    const [, indent = '', not, name = ''] = point
    failing = not !== undefined
    if (failing) say(line)
    if (indent.length !== 4) return
    if (/# SKIP/i.test(name)) {
      count.skipped++
      say(`  skipped: ${name.replace(/ *# SKIP */i, ' – ')}`)
    } else if (failing) count.failed++
    else count.passed++
  }
}

/** Runs all tests, or the files given. */
function runTests(files) {
  say('tests …')
  const count = { passed: 0, failed: 0, skipped: 0 }
  const tap = spawn(bin('tap'), ['--reporter=tap', ...files], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  createInterface({ input: tap.stdout }).on('line', reader(count))
  return new Promise(resolve => tap.on('close', code => resolve({ count, ok: code === 0 })))
}

/** tap is built for the plugins of .taprc once a checkout; without that it loads one that does not know TypeScript 7. */
function buildTap() {
  const built = `${root}.tap/plugins`
  if (existsSync(built) && statSync(built).mtimeMs >= statSync(`${root}.taprc`).mtimeMs) return true
  return check('building tap', bin('tap'), ['build'])
}

makeReady(say)
if (!buildTap()) process.exit(1)
const checks = [
  check('lint', bin('oxlint'), ['--type-aware', '--quiet']),
  check('format', bin('biome'), ['format', '.']),
  await layering()
]
const { count, ok } = await runTests(process.argv.slice(2))
const failed = Math.max(count.failed, ok ? 0 : 1) + checks.filter(passed => !passed).length
say(`${count.passed} passed, ${failed} failed, ${count.skipped} skipped`)
process.exit(failed === 0 ? 0 : 1)
