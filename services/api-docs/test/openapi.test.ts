import { errorCodes } from '@rabble/contract'
import { Validator } from '@seriousme/openapi-schema-validator'
import t from 'tap'
import { describeHttp } from '../src/openapi.ts'
import { headed, readPage } from '../src/pages.ts'
import { publicRoutes } from '../src/routes.ts'
import { createChecker } from './checker.ts'

const document = await describeHttp('1.0.0')
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    operation,
  })),
)

/** With the requests to programs of the operator. */
const all = [
  ...operations,
  ...Object.entries(document.webhooks).map(([name, { post }]) => ({ name, operation: post })),
]

t.test('the description of HTTP is valid OpenAPI 3.1', async (t) => {
  const validator = new Validator()
  t.same(await validator.validate(structuredClone(document) as never), { valid: true })
  t.equal(validator.version, '3.1')
})

t.test('each public route of the services is described, and no other', async (t) => {
  const routes = (await publicRoutes()).map(
    ({ method, url }) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`,
  )
  t.ok(routes.length > 30, 'the routes are found')
  t.same(operations.map(({ name }) => name).sort(), routes.sort())
})

t.test('each operation has a name of its own, a text, callers, and meanings of its parameters', async (t) => {
  t.equal(new Set(all.map(({ operation }) => operation.operationId)).size, all.length)
  for (const { name, operation } of all) {
    t.ok(operation.summary && operation.description && operation.tags[0] && operation.security, name)
    for (const parameter of operation.parameters ?? [])
      t.ok(parameter.description, `${name}: ${parameter.name}`)
    for (const answer of Object.values(operation.responses)) t.ok(answer.description, name)
  }
})

t.test('the errors of a route are those of its table in the page of the protocol', async (t) => {
  const pages = readPage('http.md')
  const tables = operations.flatMap(({ name, operation }) => {
    const passage = headed(pages, name)
    const errors = passage?.errors.length ? passage.errors : undefined
    return errors === undefined ? [] : [{ name, operation, errors }]
  })
  t.ok(tables.length > 3, 'the tables are found')
  for (const { name, operation, errors } of tables) {
    const codes = Object.values(operation.responses).flatMap(
      ({ content }) => content?.['application/json']?.schema.properties?.code?.enum ?? [],
    )
    t.same(codes.sort(), errors.map(({ code }) => code).sort(), name)
  }
  for (const { operation } of operations) {
    for (const [status, { content }] of Object.entries(operation.responses)) {
      for (const code of content?.['application/json']?.schema.properties?.code?.enum ?? []) {
        t.equal(errorCodes[code as keyof typeof errorCodes].status, Number(status))
      }
    }
  }
})

t.test('the examples have the schemas of their bodies and answers', async (t) => {
  const check = createChecker(document)
  const media = all.flatMap(({ operation }) =>
    [operation.requestBody, ...Object.values(operation.responses)].flatMap((part) =>
      Object.values(part?.content ?? {}),
    ),
  )
  const examples = media.filter(({ example }) => example !== undefined)
  t.ok(examples.length > 10, 'the examples are found')
  for (const { schema, example } of examples)
    t.equal(check(schema, example), undefined, JSON.stringify(example))
})
