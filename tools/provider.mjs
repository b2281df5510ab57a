// npm run provider: install what is missing, build, then show a provider in network namespaces (cli/provider.ts).
import { play } from './ready.mjs'

play('cli/provider.js')
