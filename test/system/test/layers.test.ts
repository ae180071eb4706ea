import { readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { filesIn, repository } from './repository.ts'

/**
 * Floors of a source folder, from the ground up: its folders and files. A floor imports only from itself and from floors
 * before it in the list.
 */
const floors: Record<string, readonly string[]> = {
  'services/gateway/src': [
    'metrics.ts',
    'cluster',
    'sessions',
    'messages',
    'replay',
    'log',
    'rooms',
    'conversations',
    'before-publish',
    'external-publish',
    'commands',
    'transports',
    'connections.ts',
    'gateway.ts',
    'config.ts',
    'app.ts',
    'index.ts',
    'main.ts',
  ],
  'services/history/src': [
    'metrics.ts',
    'text',
    'messages',
    'search',
    'projection',
    'webhooks',
    'push',
    'reports',
    'jobs',
    'access',
    'routes',
    'client.ts',
    'conformance',
    'config.ts',
    'app.ts',
    'index.ts',
    'main.ts',
    'vapid-main.ts',
  ],
  'services/rooms/src': [
    'api.ts',
    'metrics.ts',
    'presence',
    'names',
    'rooms',
    'policies',
    'audit',
    'seats',
    'sign-in',
    'options.ts',
    'moderation',
    'sessions',
    'users',
    'jobs',
    'routes',
    'client.ts',
    'conformance',
    'config.ts',
    'app.ts',
    'index.ts',
    'main.ts',
    'token-main.ts',
  ],
}

const sourceFolders = new Set(
  ['packages', 'services', 'test', 'bench', 'web']
    .flatMap((root) => filesIn(root, /\.tsx?$/))
    .flatMap((file) => /^.*?\/src(?=\/)/.exec(file)?.[0] ?? []),
)

interface Import {
  from: string
  to: string
}

/** Returns the imports within a folder, including types, by paths relative to it. */
function importsIn(folder: string): Import[] {
  return filesIn(folder, /\.tsx?$/).flatMap((file) =>
    ts
      .preProcessFile(readFileSync(join(repository, file), 'utf8'), true, true)
      .importedFiles.filter(({ fileName }) => /^\..*\.tsx?$/.test(fileName))
      .map(({ fileName }) => ({
        from: relative(folder, file),
        to: relative(folder, join(dirname(file), fileName)),
      })),
  )
}

/** Returns the files of circles that are found by following the imports of each file once. */
function circlesIn(imports: readonly Import[]): string[] {
  const targets = new Map<string, string[]>()
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to])
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
    if (path.includes(file) || done.has(file)) return
    for (const target of targets.get(file) ?? []) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of targets.keys()) visit(file, [])
  return circles
}

t.test('no file imports from a floor above its own', async (t) => {
  for (const [folder, order] of Object.entries(floors)) {
    const floorOf = (file: string) => order.indexOf(file.split(sep)[0] ?? '')
    const imports = importsIn(folder)
    t.ok(imports.length > 50, `${folder} is read`)
    const unknown = new Set(imports.flatMap(({ from, to }) => [from, to]).filter((file) => floorOf(file) < 0))
    t.same([...unknown], [], 'each file stands on a floor')
    const upward = imports.filter(({ from, to }) => floorOf(from) < floorOf(to))
    t.same(
      upward.map(({ from, to }) => `${from} imports ${to}`),
      [],
    )
  }
})

t.test('no imports form a circle', async (t) => {
  t.ok(sourceFolders.size > 15, 'the folders are found')
  t.same(
    circlesIn([
      { from: 'a', to: 'b' },
      { from: 'b', to: 'c' },
      { from: 'c', to: 'b' },
    ]),
    ['b → c → b'],
  )
  for (const folder of sourceFolders) t.same(circlesIn(importsIn(folder)), [], folder)
})
