import { errorCodes } from '@rabble/contract'
import type { OpenApi } from '../openapi.ts'
import type { Answer, Media, Operation } from '../operation.ts'
import { type Html, html, type Part } from './html.ts'
import { inline, markdown } from './markdown.ts'
import { type AnchorOf, example, fieldTable, schemaView, typeOf } from './schema.ts'
import { table } from './table.ts'

/** Returns the sections of all operations, in the groups of the document. */
export function httpView(document: OpenApi, anchorOf: AnchorOf): Html {
  const all = operationsOf(document)
  return html`${document.tags.map(
    ({ name }) => html`<h3 id="${tagAnchor(name)}">${name}</h3>
${all.filter(({ operation }) => operation.tags[0] === name).map((one) => operationView(one, anchorOf))}`,
  )}`
}

/** Returns the entries of the navigation. */
export function httpLinks(document: OpenApi): Html {
  const all = operationsOf(document)
  return html`${document.tags.map(
    ({ name }) => html`<li><a href="#${tagAnchor(name)}">${name}</a><ul class="detail">${all
      .filter(({ operation }) => operation.tags[0] === name)
      .map(
        ({ operation }) => html`<li><a href="#${operation.operationId}">${operation.summary}</a></li>`,
      )}</ul></li>
`,
  )}`
}

interface Placed {
  method: string
  /** Of a webhook: the setting that has the URL. */
  path: string
  callers: string
  operation: Operation
}

function operationsOf({ paths, webhooks }: OpenApi): Placed[] {
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method,
      path,
      callers: callersOf(operation),
      operation,
    })),
  )
  const requests = Object.values(webhooks).map(({ post: operation }) => ({
    method: 'post',
    path: operation['x-setting'],
    callers: 'Rabble calls it, and signs each request.',
    operation,
  }))
  return [...routes, ...requests]
}

function operationView({ method, path, callers, operation }: Placed, anchorOf: AnchorOf): Html {
  const { operationId, summary, description = '', parameters = [], requestBody, responses } = operation
  return html`<section id="${operationId}">
<h4><a href="#${operationId}">${summary}</a></h4>
<p class="route"><span class="method ${method}">${method.toUpperCase()}</span> <code>${path.replaceAll('/', '/\u200b')}</code></p>
<p class="callers">${callers}</p>
${markdown(description)}
${parameters.length > 0 ? [html`<h5>Parameters</h5>`, parametersView(parameters, anchorOf)] : undefined}
${requestBody === undefined ? undefined : [html`<h5>Body</h5>`, Object.entries(requestBody.content).map(([type, media]) => mediaView(type, media, anchorOf))]}
<h5>Answers</h5>
${Object.entries(responses)
  .filter(([status]) => status < '400')
  .map(([status, answer]) => answerView(status, answer, anchorOf))}
${errorsView(responses)}
</section>
`
}

/** Says who may call. */
function callersOf({ security }: Operation): string {
  const role = security.flatMap(({ bearer = [] }) => bearer)[0]
  const ways = security.flatMap((way) => Object.keys(way))
  if (ways.length === 0) return 'Needs no token.'
  const token = ways.includes('cookie') ? 'a bearer token or the cookie' : 'a bearer token'
  const needed = role === undefined ? `Needs ${token}.` : `Needs ${token}, with the role ${role}.`
  const free = security.some((way) => Object.keys(way).length === 0)
  return free ? `Takes ${token}; where guests are welcome, neither is needed.` : needed
}

function parametersView(parameters: NonNullable<Operation['parameters']>, anchorOf: AnchorOf): Html {
  const rows = parameters.map(({ name, in: place, required, schema, description }) => {
    const notes = [...(required ? [] : ['optional']), ...(place === 'header' ? ['header'] : [])]
    return {
      name: html`<code>${name}</code> <span class="optional">${notes.join(', ')}</span>`,
      type: typeOf(schema, anchorOf),
      meaning: description,
    }
  })
  return fieldTable('Parameter', rows)
}

function mediaView(type: string, { schema, example: value }: Media, anchorOf: AnchorOf): Html {
  return html`${type === 'application/json' ? undefined : html`<p class="media"><code>${type}</code></p>`}${schemaView(schema, anchorOf)}${value === undefined ? undefined : example('Example', value)}`
}

function answerView(status: string, { description, content = {} }: Answer, anchorOf: AnchorOf): Html {
  return html`<p class="status"><strong>${status}</strong> ${description}</p>${Object.entries(content).map(
    ([type, media]) => mediaView(type, media, anchorOf),
  )}`
}

/** Returns the table of errors: a line of each description is one code. */
function errorsView(responses: Operation['responses']): Html {
  const rows = Object.entries(responses).flatMap(([status, { description }]) =>
    status < '400'
      ? []
      : description.split('\n').flatMap((line): Part[][] => {
          const [, code, when = ''] = /^- `(.+?)`: (.*)/.exec(line) ?? []
          return code === undefined
            ? []
            : [[status, html`<a href="#error-codes"><code>${code}</code></a>`, inline(when)]]
        }),
  )
  return rows.length === 0 ? html`` : table(['Status', 'Error', 'When'], rows)
}

function tagAnchor(name: string): string {
  return `group-${name.toLowerCase().replaceAll(' ', '-')}`
}

/** Returns the table of all error codes. */
export function errorCodesView(): Html {
  const rows = Object.entries(errorCodes).map(([code, { status, retry, meaning }]): Part[] => [
    html`<code>${code}</code>`,
    status,
    retry ? 'yes' : 'no',
    meaning,
  ])
  return table(['Code', 'HTTP', 'Retry', 'Meaning'], rows)
}
