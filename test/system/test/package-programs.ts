/**
 * Types that the compiler infers, and has to name in declarations of the program, and uses that it must refuse: with types that fall
 * back to `any` it would not.
 */
export const uses = `
export const inferred = (name: string) => {
  const room = connect({ name }).room('general')
  return { room, messages: room.messages, page: room.history() }
}
export function wrong(message: Message) {
  // @ts-expect-error: a text is a string
  void connect({ name: 'Ada' }).room('general').send(1)
  // @ts-expect-error: the field has a type
  message.from.name = 1
  // @ts-expect-error: there is no such code
  return new ChatError('no-such-code', message.text)
}`

/** Program that says something in a room, and waits until it hears it: over a part that is loaded later. */
export const program = (name: string) => `
import { ChatError, connect, type Message } from '@rabble/client'
async function main() {
  const chat = connect({ url: process.env['RABBLE_URL'] ?? '', name: '${name}', transports: ['sse'] })
  const room = chat.room('${name}')
  const heard = new Promise<Message>((resolve) => room.on('message', ({ message }) => resolve(message)))
  await room.join()
  await room.send('hello')
  console.log((await heard).from.name + ': ' + (await heard).text)
  chat.close()
}
main().catch((error) => {
  console.error(error instanceof ChatError, error)
  process.exit(1)
})${uses}`

export const htmlOf = (body: string) => `<!doctype html><link rel="icon" href="data:,"><body>${body}`

/** Program of a page: Ada speaks over a WebSocket, and Bob hears it over long polling, a part that is loaded later. */
export const pageProgram = (url: string, kind: string) => `
async function main() {
  const bob = connect({ url: '${url}', name: 'Bob ${kind}', transports: ['polling'] }).room('${kind}')
  bob.on('message', ({ message }) => document.body.append(message.from.name + ': ' + message.text))
  await bob.join()
  const ada = connect({ url: '${url}', name: 'Ada ${kind}', transports: ['websocket'] }).room('${kind}')
  await ada.join()
  await ada.send('hello')
}
void main()`

/** Page in which Ada speaks by the core, and Bob hears it by the hooks; and types that the compiler must infer and refuse. */
export const reactProgram = (url: string) => `
import { connect } from '@rabble/client'
import { ChatProvider, type Line, useMessages } from '@rabble/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
export const inferred = (name: string) => useMessages<{ order: number }>(name)
function Lines() {
  const { lines } = useMessages('react')
  return <ul>{lines.map(({ key, from, text }) => <li key={key}>{from?.name + ': ' + text}</li>)}</ul>
}
createRoot(document.body.appendChild(document.createElement('main'))).render(
  <StrictMode>
    <ChatProvider options={{ url: '${url}', name: 'Bob react' }}><Lines /></ChatProvider>
  </StrictMode>,
)
void connect({ url: '${url}', name: 'Ada react' }).room('react').send('hello')
// @ts-expect-error: it needs options, or a chat
export const chatless = <ChatProvider />
// @ts-expect-error: a text is a string
export const textOf = ({ text }: Line): number => text`

/** Program that renders a page on a server. */
export const serverProgram = `
import { ChatProvider } from '@rabble/react'
import { renderToString } from 'react-dom/server'
console.log(renderToString(ChatProvider({ options: { name: 'Ada' }, fallback: 'connecting' })))
`
