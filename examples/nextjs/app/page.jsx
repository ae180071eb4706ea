import { cookies } from 'next/headers'
import { url } from '../lib/rabble.js'
import { users } from '../lib/session.js'
import { Chat } from './chat.jsx'

async function signIn(form) {
  'use server'
  const store = await cookies()
  store.set('session', String(form.get('id')), { httpOnly: true, sameSite: 'lax' })
}

export default async function Page() {
  const id = (await cookies()).get('session')?.value
  const user = users.find((user) => user.id === id)
  if (user !== undefined) return <Chat key={user.id} url={url} />
  return (
    <form action={signIn}>
      {users.map(({ id, name }) => (
        <button type="submit" key={id} name="id" value={id}>
          I am {name}
        </button>
      ))}
    </form>
  )
}
