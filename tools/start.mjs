// npm start: install what is missing, build, then tell the story (cli/story.ts). Arguments go on to it.
import { play } from './ready.mjs'

play('cli/story.js')
