// The layering of docs/architecture.md as dependency-cruiser rules, and the check itself.
// Type-only imports count: a layer that knows another's types knows the other.
import { readFileSync } from 'node:fs'
import { cruise } from 'dependency-cruiser'

const map = new URL('../docs/architecture.md', import.meta.url)

/** Rows `| `name/` | … | `a/`, `b/` |` of the house, and `| 2 | `name/` | … |` of the agent's levels. */
export function readTables(markdown) {
  const rows = markdown
    .split('\n')
    .filter(line => line.startsWith('|'))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim())
    )
  const names = cell => [...cell.matchAll(/`([^`]+)`/g)].map(match => match[1])
  const house = rows
    .filter(row => row[0]?.startsWith('`'))
    .map(row => ({ place: names(row[0])[0], may: names(row[2]) }))
  const levels = rows
    .filter(row => /^\d$/.test(row[0] ?? ''))
    .map(row => ({ level: Number(row[0]), module: names(row[1])[0] }))
  if (house.length === 0 || levels.length === 0) throw new Error('docs/architecture.md has lost its layering tables')
  return { house, levels }
}

const pattern = places =>
  places.length === 0 ? '^$' : `^(${places.map(place => place.replace('.', '\\.')).join('|')})`

export function rulesOf({ house, levels }) {
  const everything = house.map(row => row.place)
  const forbidden = house.map(({ place, may }) => ({
    name: `${place} imports only ${may.join(', ') || 'nothing of ours'}`,
    severity: 'error',
    from: { path: pattern([place]) },
    to: { path: pattern(everything), pathNot: pattern([place, ...may]) }
  }))
  for (const { level, module } of levels) {
    forbidden.push({
      name: `agent/${module} imports only lower levels`,
      severity: 'error',
      from: { path: `^agent/${module}` },
      to: {
        path: '^agent/',
        pathNot: pattern(
          [module, ...levels.filter(other => other.level < level).map(other => other.module)].map(
            name => `agent/${name}`
          )
        )
      }
    })
  }
  forbidden.push({ name: 'no cycles', severity: 'error', from: {}, to: { circular: true } })
  return forbidden
}

/** Cruises `places` below `directory`. @returns sentences, one a violation; how many modules were read */
export async function checkLayering(directory, places) {
  const result = await cruise(places, {
    baseDir: directory,
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(node_modules|dist)/' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
    validate: true,
    ruleSet: { forbidden: rulesOf(readTables(readFileSync(map, 'utf8'))) }
  })
  const { summary } = result.output
  return {
    modules: summary.totalCruised,
    violations: summary.violations.map(found => `${found.from} → ${found.to}: ${found.rule.name}`)
  }
}
