import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Where the package lies. What is not compiled (dictionaries, templates) is found from there, wherever this file was
 * compiled to.
 * @throws Error when no package.json is above the program
 */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(`${folder}/package.json`)) {
    const above = dirname(folder)
    if (above === folder) throw new Error('package.json was not found above the program: install Turnpike anew')
    folder = above
  }
  return folder
}
