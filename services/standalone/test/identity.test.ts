import {
  assertNothingLeft,
  connectChat,
  privateFolder,
  type Service,
  startService,
  until,
} from '@rabble/harness'
import t from 'tap'

/* Nobody gets another's name, or acts as another, over any door. */

assertNothingLeft(t)

const secret = 'a secret for tests, of forty characters.'

function start(auth: 'guest' | 'jwt'): Promise<Service> {
  return startService(t, 'standalone', {
    DATA_DIR: privateFolder(t, 'standalone'),
    LOG_LEVEL: 'error',
    RABBLE_AUTH: auth,
    RABBLE_SECRET: secret,
  })
}

const open = await start('guest')

type Answer = { status: number; code?: string; token?: string }

/** Asks over HTTP, with a bearer token if there is one. */
async function ask(url: string, method: 'GET' | 'POST', token?: string, body?: object): Promise<Answer> {
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body && { 'content-type': 'application/json' }),
  }
  const response = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  const answer = (await response.json()) as { code?: string; token?: string }
  return { ...answer, status: response.status }
}

t.test('who takes another name leaves the former one to nobody while still being called so', async (t) => {
  const { url } = open
  const mallory = await connectChat(t, url, { hello: false })
  const welcome = await mallory.request({ type: 'hello', name: 'Ada' })
  const renamed = await ask(`${url}/api/session`, 'POST', welcome.token, { name: 'X' })
  t.equal(renamed.status, 201)

  t.match(await ask(`${url}/api/session`, 'POST', undefined, { name: 'Ada' }), { code: 'name-taken' })
  const ada = await connectChat(t, url, { hello: false })
  await t.rejects(ada.request({ type: 'hello', name: 'Ada' }), { code: 'name-taken' })
  await mallory.join('general')
  await mallory.send('general', 'still Ada')
  await mallory.close()
  await until(
    () => ada.request({ type: 'hello', name: 'Ada' }).then(Boolean, () => false),
    30_000,
    'the name to be free',
  )
  const back = await connectChat(t, url, { token: renamed.token ?? '' })
  t.match(back.user, { id: welcome.user.id, name: 'X' })
})
