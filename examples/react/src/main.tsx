import { ChatProvider, type Line, useConnection, useMembers, useMessages, useTyping } from '@rabble/react'
import { type ComponentProps, StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'

const url = import.meta.env.VITE_RABBLE_URL ?? 'http://127.0.0.1:8080'

function App() {
  const [name, setName] = useState('')
  if (name === '') return <TextForm label="Your name" onText={setName} />
  return (
    <ChatProvider options={{ url, name, storage: sessionStorage }}>
      <Status />
      <Conversation name="general" />
    </ChatProvider>
  )
}

function Status() {
  const { state } = useConnection()
  return <p>{state.status === 'open' ? `Connected as ${state.user.name}` : state.status}</p>
}

function Conversation({ name }: { name: string }) {
  const { room, lines, hasOlder, loadOlder } = useMessages(name)
  const { users } = useMembers(name)
  const { typing } = useTyping(name)
  const list = lines.map((line) => <Row {...line} key={line.key} />)
  return (
    <>
      <p>Here: {users.map((user) => user.name).join(', ')}</p>
      {hasOlder && <Button onClick={() => loadOlder()}>Older messages</Button>}
      <ul>{list}</ul>
      <p>{typing.map((user) => `${user.name} writes… `)}</p>
      <TextForm label="Message" onText={(text) => room.send(text)} onKey={() => room.keystroke()} />
    </>
  )
}

const Row = ({ from, text, status, pending }: Line) => (
  <li>
    {from?.name}: {text} {status === 'pending' && '(sending)'}
    {status === 'failed' && <Button onClick={pending?.retry}>Send again</Button>}
  </li>
)

const Button = (props: ComponentProps<'button'>) => <button type="button" {...props} />

function TextForm(props: { label: string; onText: (text: string) => unknown; onKey?: () => void }) {
  const submit = (form: FormData) => void props.onText(String(form.get('text')))
  return (
    <form action={submit}>
      <input name="text" aria-label={props.label} required autoComplete="off" onChange={props.onKey} />
      <button type="submit">{props.label}</button>
    </form>
  )
}

const root = createRoot(document.getElementById('root') as HTMLElement)
root.render(<StrictMode>{<App />}</StrictMode>)
