import type { Schema } from '../schemas.ts'
import { type Html, html, type Part } from './html.ts'
import { inline } from './markdown.ts'
import { table } from './table.ts'

/** Returns the anchor of a named schema. */
export type AnchorOf = (name: string) => string

/** Returns a table with the fields of an object, or a line with the type of anything else. */
export function schemaView(schema: Schema, anchorOf: AnchorOf): Html {
  const rows = rowsOf(schema, anchorOf)
  if (rows.length > 0) return fieldTable('Field', rows)
  return html`<p class="type">${typeOf(schema, anchorOf)}</p>`
}

export interface FieldRow {
  name: Part
  type: Part
  meaning: string | undefined
}

/** Returns a table of names, types and meanings; without the meanings if no row has one. */
export function fieldTable(kind: string, rows: readonly FieldRow[]): Html {
  if (rows.every(({ meaning }) => meaning === undefined)) {
    return table(
      [kind, 'Type'],
      rows.map(({ name, type }) => [name, type]),
    )
  }
  return table(
    [kind, 'Type', 'Meaning'],
    rows.map(({ name, type, meaning = '' }) => [name, type, inline(meaning)]),
  )
}

/** Returns a row for each field, with the fields of objects without a name behind them. */
function rowsOf(schema: Schema, anchorOf: AnchorOf, prefix = ''): FieldRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`
    const optional = schema.required?.includes(name) ? '' : html` <span class="optional">optional</span>`
    const own = {
      name: html`<code>${path}</code>${optional}`,
      type: typeOf(field, anchorOf),
      meaning: field.description,
    }
    const inner = field.items ?? field
    return [own, ...rowsOf(inner, anchorOf, field.items ? `${path}[].` : `${path}.`)]
  })
}

/** Returns the type of a value with its limits, and with links to named schemas. */
export function typeOf(schema: Schema, anchorOf: AnchorOf): Part {
  const { $ref, anyOf, items, type, additionalProperties } = schema
  if ($ref !== undefined) {
    const name = $ref.split('/').at(-1) ?? ''
    return html`<a href="#${anchorOf(name)}">${name}</a>`
  }
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`
  if (schema.enum !== undefined)
    return list(
      schema.enum.map((one) => html`<code>${String(one)}</code>`),
      ', ',
    )
  if (anyOf !== undefined)
    return list(
      anyOf.map((one) => typeOf(one, anchorOf)),
      ' or ',
    )
  if (items !== undefined)
    return html`list of ${typeOf(items, anchorOf)}${items.$ref ? '' : 's'}${limitsOf(schema)}`
  if (additionalProperties !== undefined && schema.properties === undefined) return 'object with any fields'
  return html`${[type ?? 'anything'].flat().join(' or ')}${limitsOf(schema)}`
}

function list(parts: readonly Part[], separator: string): Html {
  return html`${parts.map((part, n) => [n > 0 ? separator : '', part])}`
}

function limitsOf({
  minLength = 0,
  maxLength,
  minimum,
  maximum,
  minItems = 0,
  maxItems,
  ...rest
}: Schema): string {
  const limits = [
    ...(maxLength === undefined
      ? []
      : [`${minLength > 0 ? `${minLength} to ` : 'up to '}${maxLength} characters`]),
    ...(maximum !== undefined
      ? [`${minimum ?? 0} to ${maximum}`]
      : minimum !== undefined
        ? [`${minimum} or more`]
        : []),
    ...(maxItems === undefined ? [] : [`${minItems} to ${maxItems}`]),
    ...(rest.default === undefined || rest.default === '' ? [] : [`default: ${String(rest.default)}`]),
  ]
  return limits.map((limit) => `, ${limit}`).join('')
}

/** Returns a value as JSON. */
export function example(title: string, value: unknown): Html {
  return html`<figure><figcaption>${title}</figcaption><pre tabindex="0"><code>${JSON.stringify(value, null, 2)}</code></pre></figure>`
}
