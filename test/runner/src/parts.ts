import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Parts of the tests, in the order in which they run: the quickest first. */
export const parts = ['unit', 'database', 'broker', 'system', 'browser', 'long'] as const
export type Part = (typeof parts)[number]

export interface TestFile {
  part: Part
  /** Path relative to the repository, such as `packages/contract/test/names.test.ts`. */
  source: string
  /** Path of the compiled file, which Node runs, relative to the repository. */
  compiled: string
}

/** Packages, and folders of packages. */
const roots = ['packages', 'services', 'test', 'bench', 'web']
const withoutTests = new Set(['node_modules', 'dist', 'src'])

/** Files that take longest in their parts. They begin first, since a run that ends with one of them alone leaves a core idle. */
const longest = ['test/system/test/long/crowd.test.ts', 'test/system/test/browser/packages.test.ts']

/** Returns all test files of the repository, in the order of the parts, and in each by their paths, after the longest. */
export function findTests(repository: string): TestFile[] {
  const sources = roots
    .flatMap((root) => filesIn(join(repository, root)))
    .map((path) => relative(repository, path))
    .filter((path) => /\.test\.tsx?$/.test(path))
  const order = ({ part, source }: TestFile) => 2 * parts.indexOf(part) + (longest.includes(source) ? 0 : 1)
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
 * Returns a test file with its part, which is the name of the first folder below the package's `test/`. Files in other folders,
 * and directly in `test/`, are unit tests.
 * @throws Error if the file is not below `test/` of a package, or if another folder than the first has the name of a part
 */
export function testFile(source: string): TestFile {
  const [, root, path = ''] =
    /^((?:packages|services|test)\/[^/]+|bench|web)\/test\/(.+\.test)\.tsx?$/.exec(source) ?? []
  const [first, ...deeper] = path.split('/').slice(0, -1)
  const isPart = (folder: string | undefined) => parts.some((part) => part === folder)
  if (root === undefined || first === 'unit' || deeper.some(isPart)) {
    throw new Error(
      `${source}: tests stand in test/ of a package, in test/${parts.slice(1).join(', test/')}, or in folders named as in src/`,
    )
  }
  const part = parts.find((part) => part === first) ?? 'unit'
  return { part, source, compiled: `${root}/dist/test/${path}.js` }
}

/**
 * Returns the test files at these paths of files or folders, of sources or of compiled files.
 * @throws Error for a path without test files
 */
export function selectTests(files: readonly TestFile[], paths: readonly string[]): TestFile[] {
  const meant = (file: TestFile, path: string) =>
    [file.source, file.compiled].some((own) => own === path || own.startsWith(`${path.replace(/\/$/, '')}/`))
  for (const path of paths) {
    if (!files.some((file) => meant(file, path))) throw new Error(`there are no tests at ${path}`)
  }
  return files.filter((file) => paths.some((path) => meant(file, path)))
}

/** Number of files that share a process, since most of their time is loading modules that the next one needs as well. Otherwise 1. */
const filesInProcess: Partial<Record<Part, number>> = { unit: 16, database: 7, system: 6, browser: 2 }

/**
 * Files with a process of their own. One changes its whole process: it brings another version of React. Those of the whole take
 * long, and one after the other they would end last. Of those with a browser, therefore, no more than two share one.
 */
const aloneInProcess = /^packages\/react\/test\/react-18|^test\/system\/test\/(system|long)\//

/** Files that bring a DOM, which other files would take for a browser's. */
const withDom = /^packages\/react\/test\/.*\.tsx$/

/** Returns the files of each process, in the order of the first ones. */
export function inProcesses(files: readonly TestFile[]): TestFile[][] {
  const processes: TestFile[][] = []
  for (const file of files) {
    const open = processes.find((others) => sharesProcess(file, others))
    if (open === undefined) processes.push([file])
    else open.push(file)
  }
  return processes
}

function sharesProcess(file: TestFile, others: readonly TestFile[]): boolean {
  const hasDom = ({ source }: TestFile) => withDom.test(source)
  return (
    others.length < (filesInProcess[file.part] ?? 1) &&
    others.every((other) => other.part === file.part && hasDom(other) === hasDom(file)) &&
    ![file, ...others].some(({ source }) => aloneInProcess.test(source))
  )
}
