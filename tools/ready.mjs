// What both README commands do first: the right Node, the packages, a fresh build. Plain Node, since nothing may be installed yet.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
const wanted = [20, 19]

/** Runs a program in the repository; its output is shown only when it fails. Ends the process with a sentence then. */
function must(what, program, args) {
  const done = spawnSync(program, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (done.status === 0) return
  process.stderr.write(
    `${done.stdout ?? ''}${done.stderr ?? ''}\n${what} failed${done.error ? `: ${done.error.message}` : ''}. The reason stands above; mend it and run the same command again.\n`
  )
  process.exit(1)
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > wanted[0] || (major === wanted[0] && minor >= wanted[1])) return
  process.stderr.write(
    `Turnpike needs Node ${wanted.join('.')} or later; this is ${process.versions.node}. Install a newer Node (https://nodejs.org) and try again.\n`
  )
  process.exit(1)
}

/** npm writes node_modules/.package-lock.json last: older than our lock means that something is missing. */
function installed() {
  const mark = `${root}node_modules/.package-lock.json`
  return existsSync(mark) && statSync(mark).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs
}

export function makeReady(say = text => process.stderr.write(`${text}\n`)) {
  checkNode()
  if (!installed()) {
    say('installing packages (npm ci) …')
    must('Installing the packages', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  }
  say('building …')
  must('The build', process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', root])
  const { bin } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  chmodSync(`${root}${bin.turnpike}`, 0o755)
}

/** Makes ready, then runs a script of the build with our arguments; signals go on to it, and its end is ours. */
export function play(script) {
  makeReady()
  const child = spawn(process.execPath, ['--enable-source-maps', `${root}dist/${script}`, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { UV_THREADPOOL_SIZE: '8', ...process.env }
  })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)))
}
