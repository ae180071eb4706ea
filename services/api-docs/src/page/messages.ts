import type { AsyncApi, AsyncOperation, Channel, Message, Reference } from '../async-document.ts'
import type { Schema } from '../schemas.ts'
import { type Html, html, type Part } from './html.ts'
import { inline, markdown } from './markdown.ts'
import { type AnchorOf, example, schemaView } from './schema.ts'
import { table } from './table.ts'

const sides = [
  ['client', 'Client frames'],
  ['server', 'Server frames'],
] as const

/** Returns the sections of all frames. */
export function framesView(document: AsyncApi, anchorOf: AnchorOf): Html {
  const channel = channelOf(document, 'frames')
  const operations = Object.values(document.operations)
  return html`${markdown(channel.description)}
${sides.map(
  ([side, title]) => html`<h3 id="${side}-frames">${title}</h3>
${framesOf(channel, side).map(([name, message]) => messageView(document, name, message, { anchorOf, note: noteOf(name, operations) }))}`,
)}
<h3 id="close-codes">Close codes</h3>
${table(
  ['Code', 'Retry', 'Meaning'],
  (channel['x-close-codes'] ?? []).map(({ code, retry, meaning }): Part[] => [
    code,
    retry ? 'yes' : 'no',
    meaning,
  ]),
)}`
}

/** Returns the entries of the navigation. */
export function framesLinks(document: AsyncApi): Html {
  const channel = channelOf(document, 'frames')
  return html`${sides.map(
    ([side, title]) => html`<li><a href="#${side}-frames">${title}</a><ul class="detail">${framesOf(
      channel,
      side,
    ).map(([name, message]) => html`<li><a href="#${name}">${message.name}</a></li>`)}</ul></li>
`,
  )}<li><a href="#close-codes">Close codes</a></li>`
}

/** Returns the sections of the channels at the broker. */
export function brokerView(document: AsyncApi, anchorOf: AnchorOf): Html {
  const operations = Object.values(document.operations)
  return html`${brokerChannels(document).map(
    ([name, channel]) => html`<section id="channel-${name}">
<h3><code>${channel.address}</code></h3>
<p class="callers">${channel.title}. ${operations.filter((one) => one.channel.$ref === `#/channels/${name}`).map((one) => `${one.summary} `)}</p>
${markdown(channel.description)}
${Object.entries(channel.messages).map(([key, message]) => messageView(document, `${name}-${key}`, message, { anchorOf }))}
</section>
`,
  )}`
}

export function brokerLinks(document: AsyncApi): Html {
  return html`${brokerChannels(document).map(
    ([name, { address }]) => html`<li><a href="#channel-${name}">${address}</a></li>
`,
  )}`
}

/** Returns the anchors of the frames by the names of their schemas. */
export function frameAnchors(document: AsyncApi): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(channelOf(document, 'frames').messages).map(([name, { payload }]) => [
      nameOf(payload.$ref),
      name,
    ]),
  )
}

function messageView(
  { components }: AsyncApi,
  anchor: string,
  message: Message,
  { anchorOf, note }: { anchorOf: AnchorOf; note?: Html | undefined },
): Html {
  const { payload, examples = [] } = message
  const schema: Schema = components.schemas[nameOf(payload.$ref)] ?? payload
  return html`<section id="${anchor}">
<h4><a href="#${anchor}"><code>${message.name}</code></a></h4>
${note}
${message.description.includes('\n') ? markdown(message.description) : html`<p>${inline(message.description)}</p>`}
${schemaView(schema, anchorOf)}
${examples.map(({ payload }) => example('Example', payload))}
</section>
`
}

/** Says what answers a client's frame. */
function noteOf(name: string, operations: readonly AsyncOperation[]): Html | undefined {
  const operation = operations.find(
    ({ action, messages }) => action === 'receive' && nameOf(messages[0]?.$ref) === name,
  )
  const replies = operation?.reply?.messages.map(replyLink)
  if (replies === undefined) return undefined
  return html`<p class="callers">Answered with ${replies.map((link, n) => [n > 0 ? ' or ' : '', link])}.</p>`
}

function replyLink({ $ref }: Reference): Html {
  const name = nameOf($ref)
  return html`<a href="#${name}"><code>${name.replace('server', '').toLowerCase()}</code></a>`
}

function channelOf(document: AsyncApi, name: string): Channel {
  const channel = document.channels[name]
  if (channel === undefined) throw new Error(`there is no channel ${name}`)
  return channel
}

function brokerChannels({ channels }: AsyncApi): [string, Channel][] {
  return Object.entries(channels).filter(([name]) => name !== 'frames')
}

function framesOf(channel: Channel, side: string): [string, Message][] {
  return Object.entries(channel.messages).filter(([name]) => name.startsWith(side))
}

function nameOf(reference = ''): string {
  return reference.split('/').at(-1) ?? ''
}
