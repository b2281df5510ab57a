import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Dictionary, type DictionarySource, RadiusError } from '../../protocols/radius/index.js'
import { packageRoot } from '../package-root.js'

/**
 * The dictionary of all attributes that Turnpike knows, and of those that an operator adds.
 * Reads some fifteen small files: call it once, at start.
 * @param extraFiles  paths of further dictionary files; they may add to what is known and name values anew
 * @throws RadiusError `RAD_DICTIONARY` with file, line and what was expected, also if a file cannot be read
 */
export function loadDictionary(extraFiles: readonly string[] = []): Dictionary {
  const own = join(packageRoot(), 'config', 'dictionary', 'dictionary')
  const sources = [own, ...extraFiles.map(file => resolve(file))].map(readSource)
  return Dictionary.parse(sources, (name, from) => includedSource(resolve(dirname(from), name)))
}

function includedSource(path: string): DictionarySource | undefined {
  return existsSync(path) ? readSource(path) : undefined
}

function readSource(path: string): DictionarySource {
  try {
    return { name: path, text: readFileSync(path, 'utf8') }
  } catch (error) {
    throw new RadiusError('RAD_DICTIONARY', `${path}: cannot be read: ${(error as Error).message}`)
  }
}
