import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import { explain, type Operation, tagOf } from './operation.ts'
import { found, headed, type Passage, readPage } from './pages.ts'
import { publicRoutes, type Route } from './routes.ts'
import { Components, plain, type Schema } from './schemas.ts'
import { type Webhook, webhooks as webhooksOf } from './webhooks.ts'

export interface OpenApi {
  openapi: string
  info: { title: string; version: string; description: string }
  tags: { name: string; description?: string }[]
  paths: Record<string, Record<string, Operation>>
  webhooks: Record<string, Webhook>
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, object> }
}

const about = `The routes for clients and for programs, in one document, whichever service answers them.

- An error has the status of its code, and a body with both. Decide by the code: the message is for people, and may change.
- \`retry-after\`, with 429 and 503, says how many seconds to wait.
- Nginx, where it stands in front, answers too many requests from one address with 429, and those that no service takes with 503.
- \`webhooks\` has the requests that Rabble sends to programs of the operator, if these are configured.
- Frames, over the WebSocket and without it, are described by the AsyncAPI document.
- SignalR (\`/chathub\`) and Socket.IO (\`/socket.io/\`) have protocols of their own, for which there are clients. Their pages are
  docs/protocol/signalr.md and docs/protocol/socketio.md in the repository.`

const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A token, which tells who the caller is. Some routes need a role in it.',
  },
  cookie: {
    type: 'apiKey',
    in: 'cookie',
    name: 'rabble_session',
    description:
      'A browser gets it by signing in. Over https it is called `__Host-rabble_session`. With a change, `Origin` must be the own or an allowed one.',
  },
} as const

/**
 * Returns the description of all public HTTP routes, and of the requests to programs of the operator: what their schemas say, with
 * the texts of the pages of the protocol.
 */
export async function describeHttp(version: string): Promise<OpenApi> {
  const pages = ['http.md', 'event-stream.md', 'websocket.md', 'webhooks.md', 'before-publish.md'].flatMap(
    readPage,
  )
  const components = new Components(pages)
  const document = await generate(await publicRoutes(), version)
  const paths = components.linked(document.paths)
  const webhooks = components.linked(webhooksOf(pages))
  const schemas = components.used
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const name = `${method.toUpperCase()} ${path}`
      if (operation.summary === undefined)
        throw new Error(`the schema of ${name} does not say what it answers`)
      explain(operation, passageOf(name, pages), pages, schemas)
    }
  }
  const described = [
    ...Object.values(paths).flatMap((operations) => Object.values(operations)),
    ...Object.values(webhooks).map(({ post }) => post),
  ]
  const used = described.flatMap(({ tags }) => tags)
  const tags = [...new Set(pages.map(tagOf))].filter((part) => used.includes(part))
  return {
    ...document,
    tags: tags.map((name) => ({ name })),
    paths,
    webhooks,
    components: { ...document.components, schemas },
  }
}

/** Returns what @fastify/swagger knows of the routes. */
async function generate(routes: readonly Route[], version: string): Promise<OpenApi> {
  const app = Fastify()
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Rabble over HTTP', version, description: about },
      components: { securitySchemes },
    },
    convertConstToEnum: false,
  })
  for (const { schema, ...route } of routes) {
    // The plugin for WebSockets hides its routes.
    app.route({ ...route, schema: { ...plain(schema), hide: false }, handler() {}, ...unchecked })
  }
  await app.ready()
  return plain(app.swagger()) as unknown as OpenApi
}

/** The instance that describes the routes answers nothing. */
const unchecked = {
  validatorCompiler: () => () => true,
  serializerCompiler: () => () => '',
}

/**
 * Returns the passage of a route: the one with the route in its heading or, for one of several that are described together, the
 * first that names it.
 */
function passageOf(route: string, pages: readonly Passage[]): Passage {
  const named = pages.find(({ text }) => text.includes(`\`${route}\``))
  return found(headed(pages, route) ?? named, route)
}
