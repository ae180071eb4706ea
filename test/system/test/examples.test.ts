import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { filesIn, repository } from './repository.ts'

const read = (file: string) => readFileSync(join(repository, file), 'utf8')

t.test('each example is listed on its page, and run by a test', async (t) => {
  const examples = filesIn('examples', /(?<!README\.md)$/)
  t.ok(examples.length >= 10, 'the examples are found')
  const page = read('examples/README.md')
  const tests = ['packages', 'services', 'test'].flatMap((folder) => filesIn(folder, /\.ts$/))
  const sources = tests
    .filter((file) => file.includes('/test/') && file !== 'test/system/test/examples.test.ts')
    .map(read)
  for (const example of examples) {
    const path = example.replace(/^examples\//, '')
    t.ok(page.includes(`](${path})`), `${path} is listed`)
    // Some tests name the folder apart from the file.
    t.ok(
      sources.some((source) => source.includes(basename(path)) && source.includes('examples')),
      `${path} is run`,
    )
  }
})
