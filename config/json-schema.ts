import { readingWords, rootSchema, type SchemaNode } from './schema.js'
import { readings } from './units.js'

/**
 * The schema of the file for editors: JSON Schema draft 7 without words of our own; human units become patterns.
 * `config/turnpike.schema.json` is this, printed.
 */
export function jsonSchema(): object {
  return { $schema: 'http://json-schema.org/draft-07/schema#', title: 'turnpike.yaml', ...publish(rootSchema) }
}

/** The text of `config/turnpike.schema.json`. */
export function jsonSchemaText(): string {
  return `${JSON.stringify(jsonSchema(), null, 2)}\n`
}

/** Formats of ours mean nothing to an editor and are left out: the description says what is wanted. */
function publish(schema: SchemaNode): object {
  const { reads, from: _from, to: _to, format: _format, properties, items, ...plain } = schema
  if (reads !== undefined) {
    const words = readingWords(reads, schema)
    return { type: 'string', pattern: readings[reads].pattern, description: `${plain.description}: ${words}` }
  }
  const inner = Object.entries(properties ?? {}).map(([key, value]) => [key, publish(value)])
  return {
    ...plain,
    ...(typeof plain.additionalProperties === 'object' && {
      additionalProperties: publish(plain.additionalProperties)
    }),
    ...(properties !== undefined && { type: ['object', 'null'], properties: Object.fromEntries(inner) }),
    ...(items !== undefined && { type: ['array', 'null'], items: publish(items) })
  }
}
