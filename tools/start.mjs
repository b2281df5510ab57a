// npm start: install what is missing, build, then tell the story (cli/story.ts). Arguments go on to it.
import { spawn } from 'node:child_process'
import { makeReady, root } from './ready.mjs'

makeReady()
const story = spawn(process.execPath, ['--enable-source-maps', `${root}dist/cli/story.js`, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { UV_THREADPOOL_SIZE: '8', ...process.env }
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => story.kill(signal))
story.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)))
