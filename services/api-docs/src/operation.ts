import { STATUS_CODES } from 'node:http'
import { errorCodes } from '@rabble/contract'
import type { Passage } from './pages.ts'
import { type Schema, withMeanings } from './schemas.ts'

export interface Media {
  schema: Schema
  example?: unknown
}

export interface Answer {
  description: string
  headers?: Record<string, { description: string; schema: Schema }>
  content?: Record<string, Media>
}

export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  description?: string
  schema: Schema
}

export interface Operation {
  operationId: string
  summary: string
  description?: string
  tags: string[]
  security: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Record<string, Media> }
  responses: Record<string, Answer>
}

/** The routes of the page about HTTP are in groups of their own. */
export function tagOf({ page, part }: Passage): string {
  return page === 'HTTP' ? part : page
}

/** Adds the texts of the pages to an operation. */
export function explain(
  operation: Operation,
  passage: Passage,
  pages: readonly Passage[],
  schemas: Record<string, Schema>,
): void {
  operation.operationId = idOf(operation.summary)
  operation.description = passage.text
  operation.tags = [tagOf(passage)]
  for (const parameter of operation.parameters ?? []) {
    parameter.description ??= passage.meanings.get(parameter.name) ?? parameterMeanings[parameter.name]
  }
  const common = pages.find(({ heading }) => heading === passage.part)
  const errors = [...passage.errors, ...(common?.errors ?? [])]
  for (const [status, answer] of Object.entries(operation.responses)) {
    explainAnswer(status, answer, errors)
  }
  for (const body of Object.values(operation.requestBody?.content ?? {})) {
    body.schema = withMeanings(body.schema, passage)
  }
  giveExample(operation, passage.examples, schemas)
}

/** Parameters that no table of the pages lists. */
const parameterMeanings: Record<string, string> = {
  room: 'The name of a room.',
  user: 'The id of a user.',
  id: 'The id of the ban or mute.',
  'idempotency-key': 'Another place for the `cid` of the body.',
  'last-event-id': 'The id of the newest block that the client has. It names the session.',
  wait: 'Maximum wait for frames, in milliseconds.',
}

function explainAnswer(status: string, answer: Answer, errors: Passage['errors']): void {
  const codes = answer.content?.['application/json']?.schema.properties?.code?.enum
  if (codes === undefined || status < '400') {
    answer.description = STATUS_CODES[status] ?? 'Any other error.'
    return
  }
  answer.description = (codes as (keyof typeof errorCodes)[])
    .map((code) => {
      const when = errors.find((error) => error.code === code)?.when
      return `- \`${code}\`: ${when ?? errorCodes[code].meaning}`
    })
    .join('\n')
  if (status === '429' || status === '503') {
    answer.headers = {
      'retry-after': { description: 'Seconds to wait, if that is known.', schema: { type: 'integer' } },
    }
  }
}

/** Adds the examples of a page to the answer whose fields they have, or else to the body of the request. */
function giveExample(
  { requestBody, responses }: Operation,
  examples: readonly unknown[],
  schemas: Record<string, Schema>,
): void {
  const answers = [responses['200'], responses['201']].flatMap((answer) =>
    Object.values(answer?.content ?? {}),
  )
  const bodies = Object.values(requestBody?.content ?? {})
  const fits = (value: unknown, { $ref, ...own }: Schema) => {
    const { required = [], properties = {} } = schemas[$ref?.split('/').at(-1) ?? ''] ?? own
    const names = Object.keys(value as object)
    return names.every((name) => name in properties) && required.every((name) => names.includes(name))
  }
  for (const example of examples) {
    const media =
      answers.find(({ schema }) => fits(example, schema)) ??
      bodies.find(({ schema }) => fits(example, schema))
    if (media !== undefined) media.example ??= example
  }
}

/** Returns the name of an operation for generated code, such as `readPageOfMessages`. */
function idOf(summary: string): string {
  const [first = '', ...rest] = summary.split(' ').filter((word) => !['a', 'an', 'the', 'of'].includes(word))
  return first.toLowerCase() + rest.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('')
}
