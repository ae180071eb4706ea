'use client'

import { ChatProvider, useConnection, useMessages } from '@rabble/react'

async function getToken() {
  const response = await fetch('/api/token')
  if (!response.ok) throw new Error(await response.text())
  return response.text()
}

/** Orders by a route of this application, which publishes the message. */
function order() {
  const body = JSON.stringify({ id: crypto.randomUUID(), item: 'a cake' })
  return fetch('/api/orders', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

/** The server renders the fallback; the browser connects. */
export function Chat({ url }) {
  return (
    <ChatProvider options={{ url, getToken }} fallback={<p>connecting</p>}>
      <Conversation name="general" />
    </ChatProvider>
  )
}

function Conversation({ name }) {
  const { state } = useConnection()
  const { room, lines } = useMessages(name)
  return (
    <>
      <p>{state.status === 'open' ? `Connected as ${state.user.name}` : (state.reason ?? state.status)}</p>
      <ul>
        {lines.map(({ key, from, text }) => (
          <li key={key}>
            {from?.name}: {text}
          </li>
        ))}
      </ul>
      <form action={(form) => void room.send(String(form.get('text')))}>
        <input name="text" aria-label="Message" required autoComplete="off" />
        <button type="submit">Send</button>
      </form>
      <button type="button" onClick={order}>
        Order a cake
      </button>
    </>
  )
}
