import { readFileSync } from 'node:fs'
import t from 'tap'
import { BeforePublishRequest, beforePublishAnswers } from '../src/index.ts'
import { parseBeforePublishAnswer } from '../src/parse.ts'
import { Compile } from '../src/typebox.ts'

// Programs of operators follow this page.
const page = readFileSync(new URL('../../../../docs/protocol/before-publish.md', import.meta.url), 'utf8')

/** Returns the names in the first column of a table. */
function rowsOf(heading: string): string[] {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`)).split('\n## ', 2)[1] ?? ''
  return [...section.matchAll(/^\| `([a-z]+)` /gm)].map(([, name = '']) => name)
}

t.test('the page has the fields of a question and the actions of an answer', async (t) => {
  t.same(rowsOf('Questions'), Object.keys(BeforePublishRequest.properties))
  t.same(rowsOf('Answers'), Object.keys(beforePublishAnswers))
})

t.test('the examples on the page are valid', async (t) => {
  const [question, ...answers] = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(([, json = '']) =>
    JSON.parse(json),
  )
  t.ok(Compile(BeforePublishRequest).Check(question))
  t.equal(answers.length, 2)
  for (const answer of answers) t.equal(parseBeforePublishAnswer(answer), answer)
})
