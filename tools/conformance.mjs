// npm run --silent conformance: answers test vectors, one JSON object a line, on standard input and output.
import { makeReady, root } from './ready.mjs'

makeReady(() => {})
await import(`${root}dist/test/conformance/adapter.js`)
