import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { filesIn, repository } from './repository.ts'

const read = (file: string) => readFileSync(join(repository, file), 'utf8')

t.test('each example is listed on its page, and run by a test', async (t) => {
  const files = filesIn('examples', /(?<!README\.md)$/)
  // A folder with a package.json is one example.
  const projects = files.filter((file) => basename(file) === 'package.json').map(dirname)
  const examples = [
    ...files.filter((file) => !projects.some((project) => file.startsWith(`${project}/`))),
    ...projects,
  ]
  t.ok(examples.length >= 10, 'the examples are found')
  const page = read('examples/README.md')
  const tests = ['packages', 'services', 'test'].flatMap((folder) => filesIn(folder, /\.ts$/))
  const sources = tests
    .filter((file) => file.includes('/test/') && file !== 'test/system/test/examples.test.ts')
    .map(read)
  for (const example of examples) {
    const path = example.replace(/^examples\//, '')
    t.match(page, new RegExp(`\\]\\(${path}[/)]`), `${path} is listed`)
    // Some tests name the folder apart from the file.
    t.ok(
      sources.some((source) => source.includes(basename(path)) && source.includes('examples')),
      `${path} is run`,
    )
  }
})
