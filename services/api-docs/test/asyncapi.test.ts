import { DiagnosticSeverity, Parser } from '@asyncapi/parser'
import { clientFrames, serverFrames } from '@rabble/contract'
import t from 'tap'
import { describeMessages } from '../src/asyncapi.ts'
import { createChecker } from './checker.ts'

const document = describeMessages('1.0.0')

t.test('the description of frames and of the log is valid AsyncAPI 3', async (t) => {
  const { document: parsed, diagnostics } = await new Parser().parse(JSON.stringify(document))
  const serious = diagnostics.filter(({ severity }) => severity <= DiagnosticSeverity.Warning)
  t.same(
    serious.map(({ message, path }) => `${path.join('.')}: ${message}`),
    [],
  )
  t.equal(parsed?.version(), '3.0.0')
})

t.test('each frame is described, with one operation for each that a client may send', async (t) => {
  const { messages = {} } = document.channels.frames ?? {}
  const types = (side: string) =>
    Object.entries(messages).flatMap(([name, message]) => (name.startsWith(side) ? message.name : []))
  t.same(types('client'), Object.keys(clientFrames))
  t.same(types('server'), Object.keys(serverFrames))
  for (const { description, examples, title } of Object.values(messages)) {
    t.ok(description && examples?.length, title)
  }
  const received = Object.values(document.operations).filter(
    ({ action, channel }) => action === 'receive' && channel.$ref === '#/channels/frames',
  )
  t.same(
    received.map(({ title }) => title),
    Object.keys(clientFrames),
  )
})

t.test('the examples have the schemas of their messages', async (t) => {
  const check = createChecker(document)
  const messages = Object.values(document.channels).flatMap((channel) => Object.values(channel.messages))
  const examples = messages.flatMap(({ payload, examples = [] }) =>
    examples.map((example) => ({ schema: payload, value: example.payload })),
  )
  t.ok(examples.length > 30, 'the examples are found')
  for (const { schema, value } of examples) t.equal(check(schema, value), undefined, JSON.stringify(value))
})
