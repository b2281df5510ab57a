// npm run --silent conformance: answers test vectors, one JSON object a line, on standard input and output.
// It uses the build that is there (npm run build, npm start and npm test make one), since whoever asks waits for the answer.
import { existsSync } from 'node:fs'
import { makeReady, root } from './ready.mjs'

const adapter = `${root}dist/test/conformance/adapter.js`
if (!existsSync(adapter)) makeReady(() => {})
await import(adapter)
