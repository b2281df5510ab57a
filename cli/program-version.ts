import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The version in the package's own package.json, wherever this file was compiled to. */
export function version(directory: string = import.meta.dirname): string {
  try {
    return (JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string }).version
  } catch {
    return directory === dirname(directory) ? 'unknown' : version(dirname(directory))
  }
}
