import type { AsyncApi } from './async-document.ts'
import { brokerChannels, brokerOperations } from './broker.ts'
import { frameChannel, frameOperations } from './frames.ts'
import { readPage } from './pages.ts'
import { Components } from './schemas.ts'

const about = `The frames between clients and a gateway, and what goes over the broker, as a gateway sends and receives it.

- Over Server-Sent Events and long polling come the same frames; the OpenAPI document has the routes.
- A reader ignores fields and types that it doesn't know.
- With RabbitMQ, the broker's part is open to other programs. With more than one partition there are also \`rabble.events.1\` with
  \`rabble.log.1\`, and so on. The operator can change the prefix \`rabble\`.`

/** Returns the description of all frames, and of what goes over the broker, with the texts of the pages of the protocol. */
export function describeMessages(version: string): AsyncApi {
  const pages = ['websocket.md', 'log.md', 'http.md'].flatMap(readPage)
  const components = new Components(pages)
  const document = {
    asyncapi: '3.0.0',
    info: { title: 'Rabble over WebSocket and AMQP', version, description: about },
    defaultContentType: 'application/json',
    servers: {
      gateway: {
        host: '127.0.0.1:8080',
        protocol: 'ws',
        description: 'A gateway, or Nginx before all of them.',
      },
      broker: { host: '127.0.0.1:5672', protocol: 'amqp', description: 'RabbitMQ.' },
    },
    channels: { frames: frameChannel(pages), ...brokerChannels(pages) },
    operations: { ...frameOperations(), ...brokerOperations() },
  }
  const linked = components.linked(document)
  return { ...linked, components: { schemas: components.used } } as AsyncApi
}
