import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { findTests, inProcesses, parts, selectTests, testFile } from '../src/parts.ts'

/** Path of the repository, seen from test/runner/dist/test. */
const repository = fileURLToPath(new URL('../../../../', import.meta.url))

t.test('the first folder below test/ says of which part a file is', async (t) => {
  t.same(testFile('packages/contract/test/names.test.ts'), {
    part: 'unit',
    source: 'packages/contract/test/names.test.ts',
    compiled: 'packages/contract/dist/test/names.test.js',
  })
  t.same(
    [
      'services/rooms/test/database/seats.test.ts',
      'bench/test/long/benches.test.ts',
      'web/test/live/dots.test.tsx',
      'services/rooms/test/database/names/holders.test.ts',
    ]
      .map(testFile)
      .map(({ part, compiled }) => [part, compiled]),
    [
      ['database', 'services/rooms/dist/test/database/seats.test.js'],
      ['long', 'bench/dist/test/long/benches.test.js'],
      ['unit', 'web/dist/test/live/dots.test.js'],
      ['database', 'services/rooms/dist/test/database/names/holders.test.js'],
    ],
  )
})

t.test('a file that stands elsewhere is an error, and not left out', async (t) => {
  for (const source of [
    'packages/contract/test/unit/x.test.ts',
    'packages/contract/test/names/database/x.test.ts',
    'packages/contract/test/long/names/database/x.test.ts',
    'packages/contract/src/x.test.ts',
    'docs/x.test.ts',
  ]) {
    t.throws(() => testFile(source), { message: /tests stand in test\// }, source)
  }
})

t.test('the tests of this repository are found, in the order of the parts', async (t) => {
  const files = findTests(repository)
  const order = files.map(({ part }) => parts.indexOf(part))
  t.same(
    order,
    order.toSorted((a, b) => a - b),
  )
  t.same(new Set(files.map(({ part }) => part)), new Set(parts))
  const long = files.find(({ part }) => part === 'long')
  t.equal(long?.source, 'test/system/test/long/crowd.test.ts', 'the file that takes longest begins first')
  const own = files.find(({ source }) => source === 'test/runner/test/parts.test.ts')
  t.equal(own?.compiled, 'test/runner/dist/test/parts.test.js')
})

t.test('a folder of unit tests is named as a folder of sources', async (t) => {
  const folders = findTests(repository)
    .filter(({ part }) => part === 'unit')
    .map(({ compiled }) => dirname(compiled))
    .filter((folder) => !folder.endsWith('/dist/test'))
    .map((folder) => folder.replace('/dist/test/', '/src/'))
  t.ok(folders.length > 20, 'they are found')
  t.same(
    folders.filter((folder) => !existsSync(join(repository, folder))),
    [],
  )
})

t.test('files are selected by paths of sources, of compiled files, and of folders', async (t) => {
  const files = [
    'packages/a/test/x.test.ts',
    'packages/a/test/database/y.test.ts',
    'packages/ab/test/z.test.ts',
  ]
  const found = (...paths: string[]) => selectTests(files.map(testFile), paths).map(({ source }) => source)
  t.same(found('packages/a/test/x.test.ts'), [files[0]])
  t.same(found('packages/a/dist/test/database/y.test.js'), [files[1]])
  t.same(found('packages/a', 'packages/a/test/x.test.ts'), files.slice(0, 2))
  t.same(found('packages/a/test/database/'), [files[1]])
  t.throws(() => found('packages'.slice(0, -1)), { message: 'there are no tests at package' })
})

t.test('short tests share processes, and every other test has its own', async (t) => {
  const files = findTests(repository)
  const processes = inProcesses(files)
  const sourcesOf = (files: readonly { source: string }[]) => files.map(({ source }) => source).sort()
  t.same(sourcesOf(processes.flat()), sourcesOf(files), 'each file runs once')
  const shared = processes.filter(({ length }) => length > 1)
  t.same(
    new Set(shared.flatMap((files) => files.map(({ part }) => part))),
    new Set(['unit', 'database', 'system', 'browser']),
    'and no process has files of two parts',
  )
  t.same(
    shared.filter((files) => files.some(({ part }) => part !== files[0]?.part)),
    [],
  )
  const react = shared.filter((files) => files.some(({ source }) => source.endsWith('.test.tsx')))
  t.equal(react.length, 1, 'those with a DOM share one')
  t.ok(react[0]?.every(({ source }) => source.startsWith('packages/react/test/')))
  t.notOk(shared.flat().some(({ source }) => source.includes('react-18')))
})
