import * as contract from '@rabble/contract'
import type { TSchema } from '@rabble/contract/typebox'
import { headed, type Passage } from './pages.ts'

/** JSON Schema of draft 2020-12, as far as the contract uses it. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  description?: string
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  additionalProperties?: Schema
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  default?: unknown
  minLength?: number
  maxLength?: number
  pattern?: string
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
}

/** All schemas of the contract, by the names under which it exports them. */
const named = Object.entries<unknown>(contract).flatMap(([name, value]): [string, TSchema][] =>
  isSchema(value) ? [[name, value]] : [],
)

/**
 * Returns a schema as it stands in a document: without what only TypeBox knows, such as checks of Unicode; with
 * `additionalProperties` for objects with any fields; and without a need for fields that have a default, which Ajv adds before
 * it checks.
 */
export function plain(schema: object): Schema {
  return JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
    if (!isObject(value)) return value
    const { patternProperties, ...rest } = value as Schema
    if (Array.isArray(rest.required)) rest.required = rest.required.filter((name) => isNeeded(rest, name))
    if (patternProperties === undefined) return rest
    return { ...rest, additionalProperties: patternProperties['^.*$'] ?? {} }
  }) as Schema
}

function isNeeded({ properties = {} }: Schema, name: string): boolean {
  return properties[name]?.default === undefined
}

/** The schemas of the contract in one document. Those that are equal to one of them become references to it. */
export class Components {
  readonly #schemas = new Map(named.map(([name, schema]) => [name, plain(schema)]))
  readonly #names = new Map(named.map(([name, schema]) => [JSON.stringify(plain(schema)), name]))
  readonly #passages: readonly Passage[]
  readonly #used: Record<string, Schema> = {}

  /** @param passages give fields their meanings */
  constructor(passages: readonly Passage[]) {
    this.#passages = passages
  }

  /** The schemas to which there are references, by name. */
  get used(): Record<string, Schema> {
    return this.#used
  }

  /** Returns a JSON value with references in place of the schemas that have a name. */
  linked<Value>(value: Value): Value {
    const name = isObject(value) ? this.#names.get(JSON.stringify(value)) : undefined
    if (name === undefined) return this.#inner(value)
    this.#use(name)
    return { $ref: `#/components/schemas/${name}` } as Value
  }

  #use(name: string): void {
    const schema = this.#schemas.get(name)
    if (schema === undefined || name in this.#used) return
    // Before the others to which it refers.
    this.#used[name] = schema
    const part = this.#inner(schema)
    const about = passageOf(name, schema, this.#passages)
    this.#used[name] = about === undefined ? part : withMeanings(part, about)
  }

  #inner<Value>(value: Value): Value {
    if (Array.isArray(value)) return value.map((item) => this.linked(item)) as Value
    if (!isObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.linked(item)])) as Value
  }
}

/**
 * Returns a schema whose fields have the meanings of a passage, unless they say more themselves. A field of an inner object is called
 * `outer.inner` there.
 */
export function withMeanings(schema: Schema, about: Pick<Passage, 'meanings'>, prefix = ''): Schema {
  if (schema.properties === undefined) return schema
  const properties = Object.entries(schema.properties).map(([name, field]): [string, Schema] => {
    const description = field.description ?? about.meanings.get(`${prefix}${name}`)
    const whole = withMeanings(field, about, `${prefix}${name}.`)
    return [name, description === undefined ? whole : { ...whole, description }]
  })
  return { ...schema, properties: Object.fromEntries(properties) }
}

/** Routes whose passages describe the fields of a schema. */
const routes: Record<string, string> = {
  RoomReply: 'POST /api/rooms',
  MessageRequest: 'POST /api/rooms/{room}/messages',
  NotifyRequest: 'POST /api/notify',
}

/** Headings below which the fields of a schema are described. */
const headings: Record<string, string> = { WebhookBody: 'Requests', BeforePublishRequest: 'Questions' }

/** Returns the passage that describes the fields of a schema. */
function passageOf(name: string, schema: Schema, passages: readonly Passage[]): Passage | undefined {
  const route = routes[name]
  if (route !== undefined) return headed(passages, route)
  const frame = frameOf(schema)
  if (frame !== undefined) return headed(passages, frame.type, frame.part)
  const object = headings[name] ?? name.replace(/(Info|Signal)$/, '').toLowerCase()
  return passages.find(({ heading }) => heading === name || heading === object)
}

/** Returns the type of a frame, and the part of the page that describes it. */
function frameOf(schema: Schema): { type: string; part: string } | undefined {
  const type = String(schema.properties?.type?.const)
  const isOf = (frames: Record<string, TSchema>) =>
    Object.hasOwn(frames, type) && JSON.stringify(plain(frames[type] ?? {})) === JSON.stringify(schema)
  if (isOf(contract.clientFrames)) return { type, part: 'Client frames' }
  return isOf(contract.serverFrames) ? { type, part: 'Server frames' } : undefined
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** TypeBox marks its schemas by a property that is not enumerable. */
function isSchema(value: unknown): value is TSchema {
  return isObject(value) && '~kind' in value
}
