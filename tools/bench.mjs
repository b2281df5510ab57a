// npm run bench [-- name …]: runs the named benchmarks, or all. Each ends with one line of JSON.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { makeReady, root } from './ready.mjs'

makeReady()
const all = readdirSync(`${root}bench`)
  .filter(file => file.endsWith('.ts'))
  .map(file => file.slice(0, -3))
const [name, ...rest] = process.argv.slice(2)
if (name !== undefined && !all.includes(name)) {
  process.stderr.write(`There is no benchmark «${name}». There are: ${all.join(', ')}.\n`)
  process.exit(2)
}
let status = 0
for (const each of name === undefined ? all : [name]) {
  if (name === undefined) process.stdout.write(`\n# ${each}\n`)
  status ||=
    spawnSync(process.execPath, ['--expose-gc', `${root}dist/bench/${each}.js`, ...rest], {
      cwd: root,
      stdio: 'inherit'
    }).status ?? 1
}
process.exit(status)
