import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

/** The parts of the tests, in the order in which they run: the quickest answers first. */
export const parts = ['unit', 'database', 'broker', 'system', 'browser', 'long'] as const
export type Part = (typeof parts)[number]

export interface TestFile {
  part: Part
  /** Relative to the repository, such as `packages/contract/test/names.test.ts`. */
  source: string
  /** The compiled file, which Node runs, relative to the repository. */
  compiled: string
}

/** Folders with packages in them, and packages. */
const roots = ['packages', 'services', 'test', 'bench', 'web']
const withoutTests = new Set(['node_modules', 'dist', 'src'])

/** All test files of the repository, in the order of the parts. */
export function findTests(repository: string): TestFile[] {
  const sources = roots
    .flatMap((root) => filesIn(join(repository, root)))
    .map((path) => relative(repository, path))
    .filter((path) => /\.test\.tsx?$/.test(path))
  const order = ({ part }: TestFile) => parts.indexOf(part)
  return sources
    .sort()
    .map(testFile)
    .sort((a, b) => order(a) - order(b))
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (!entry.isDirectory()) return [path]
    return withoutTests.has(entry.name) ? [] : filesIn(path)
  })
}

/**
 * A file's part is the folder within its package's `test/` in which it stands; the unit tests stand in `test/` itself.
 * @throws Error if it stands elsewhere
 */
export function testFile(source: string): TestFile {
  const place =
    /^((?:packages|services|test)\/[^/]+|bench|web)\/(test\/(?:([^/]+)\/)?[^/]+\.test)\.tsx?$/.exec(source)
  const part = parts.find((part) => part === (place?.[3] ?? 'unit'))
  if (place === null || part === undefined || place[3] === 'unit') {
    throw new Error(
      `${source}: tests stand in test/ of a package, or in test/${parts.slice(1).join(', test/')}`,
    )
  }
  return { part, source, compiled: `${place[1]}/dist/${place[2]}.js` }
}

/**
 * The files that are meant by paths of files or folders, of sources or of what they were compiled to.
 * @throws Error for a path that means none
 */
export function selectTests(files: readonly TestFile[], paths: readonly string[]): TestFile[] {
  const meant = (file: TestFile, path: string) =>
    [file.source, file.compiled].some((own) => own === path || own.startsWith(`${path.replace(/\/$/, '')}/`))
  for (const path of paths) {
    if (!files.some((file) => meant(file, path))) throw new Error(`there are no tests at ${path}`)
  }
  return files.filter((file) => paths.some((path) => meant(file, path)))
}
