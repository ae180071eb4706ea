import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { closeCodes, errorCodes } from '@rabble/contract'
import t from 'tap'

// Relative to packages/client/dist/test.
const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const read = (path: string) => readFileSync(`${repository}${path}`, 'utf8')
const page = read('docs/troubleshooting.md')

/** Name in the SDK → number of each close code. */
const closes = new Map<string, number>(
  Object.entries(closeCodes).map(([name, { code }]) => [
    name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    code,
  ]),
)
const own = [...read('packages/client/src/errors.ts').matchAll(/^ {2}\| '([\w-]+)'$/gm)].map(
  ([, code = '']) => code,
)

/** Rows of the table of codes, each with its codes and its close code. */
const rows = [...(page.split('\n## Codes\n')[1] ?? '').matchAll(/^\| (`.*?) *\| *(\d*) *\|/gm)].map(
  ([, codes = '', close = '']) => ({
    codes: [...codes.matchAll(/`([\w-]+)`/g)].map(([, code = '']) => code),
    close: Number(close),
  }),
)

t.test('the page lists each code that a client can get, and none that isn’t there', async (t) => {
  t.ok(own.length >= 8, 'the codes of the SDK are found')
  const all = [...new Set([...Object.keys(errorCodes), ...closes.keys(), ...own])]
  t.same(rows.flatMap(({ codes }) => codes).sort(), all.sort())
})

t.test('its close codes are those of the protocol', async (t) => {
  for (const { codes, close } of rows) {
    if (close > 0) t.equal(closes.get(codes[0] ?? ''), close, `${codes}`)
    else
      t.same(
        [...closes.keys()].filter((code) => codes.includes(code)),
        [],
        'none is left out',
      )
  }
  const named = [...page.matchAll(/close code (\d+)|`[\w-]+` \((\d{4})\)|closed with (\d{4})/g)].map(
    ([, ...numbers]) => Number(numbers.find((number) => number !== undefined)),
  )
  t.ok(named.length > 5, 'the close codes are found')
  t.same(
    named.filter((number) => ![...closes.values()].includes(number)),
    [],
  )
})

t.test('the metrics, settings and sentences that it names are there', async (t) => {
  const operations = read('docs/operations.md')
  const names = [...page.matchAll(/`(rabble_\w+|RABBLE_[A-Z_]+)`/g)].map(([, name = '']) => name)
  t.ok(names.length > 20, 'the names are found')
  t.same(
    names.filter((name) => !operations.includes(`\`${name}\``)),
    [],
  )
  const sources = ['packages/service/src', 'services/gateway/src'].flatMap((folder) =>
    readdirSync(`${repository}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(`${folder}/${file}`)),
  )
  // Sentences of logs and of refusals have several words, and no sign of code.
  const sentences = [...page.matchAll(/`([a-z][a-z-]*(?: [a-z-]+){2,})`/g)].map(([, text = '']) => text)
  t.ok(sentences.length > 5, 'the sentences are found')
  t.same(
    sentences.filter((sentence) => !sources.some((source) => source.includes(sentence))),
    [],
  )
})
