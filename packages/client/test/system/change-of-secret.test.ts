import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertNothingLeft,
  checkOrder,
  inForm,
  noRateLimits,
  privateFolder,
  startCluster,
  until,
} from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { chatWith, idsIn, watch } from '../build.ts'

/* The steps of docs/operations.md, “Change the secret”. */

assertNothingLeft(t)

const [before, after] = [
  'the secret before, of forty characters..',
  'the secret after, of forty characters...',
]
const folder = privateFolder(t, 'secrets')
const [secretFile, previousFile] = [join(folder, 'secret'), join(folder, 'previous')]
/** Gives all services these secrets, from their next starts on. */
function give(secret: string, previous: string) {
  writeFileSync(secretFile, secret)
  writeFileSync(previousFile, previous)
}
/** Whether the first step is taken under load, too. Otherwise the services start with both secrets. */
const allSteps = inForm(false, true)
give(before, allSteps ? '' : after)
const cluster = await startCluster(t, {
  gateways: inForm(1, 2),
  env: {
    ...noRateLimits,
    RABBLE_SECRET: '',
    RABBLE_SECRET_FILE: secretFile,
    RABBLE_SECRET_PREVIOUS_FILE: previousFile,
  },
})
const { url, rooms, histories, gateways } = cluster

/** Returns the status of a request that needs a token. Nginx may take rooms for down for a moment after its start. */
async function statusWith(token: string): Promise<number> {
  let status = 0
  const answered = async () => {
    const response = await fetch(`${url}/api/audit`, { headers: { authorization: `Bearer ${token}` } })
    await response.body?.cancel()
    status = response.status
    return status < 500
  }
  await until(answered, 90_000, 'an answer of rooms')
  return status
}

t.test(
  'the secret changes under load: nobody loses messages or identity, and the old tokens are valid until it is gone',
  async (t) => {
    const chats = ['Ada', 'Bob', 'Cleo'].map((name) => chatWith(t, { url, name }))
    const streams = Object.fromEntries(chats.map((chat, n) => [`client ${n}`, watch(chat.room('general'))]))
    await Promise.all(chats.map((chat) => chat.room('general').join()))
    const users = chats.map(({ user }) => user)
    const acknowledged: string[][] = chats.map(() => [])
    let writing = true
    const writers = chats.map(async (chat, which) => {
      for (let n = 0; writing; n++) {
        acknowledged[which]?.push((await chat.room('general').send(`${n}`)).id)
        await sleep(inForm(50, 10))
      }
    })
    for (const writer of writers) writer.catch(() => {})
    const mona = { id: 'mona', name: 'Mona' }
    const tokenOf = (secret: string) => createTokens(secret).sign(mona, 86_400, ['moderator'])
    const [old, fresh] = [await tokenOf(before), await tokenOf(after)]

    /** Restarts all services, one after the other, while everybody writes. */
    async function restartAll() {
      for (const service of [...rooms, ...histories, ...gateways]) {
        await service.restart()
        await service.ready()
        const goals = acknowledged.map(({ length }) => length + 10)
        const allGoOn = () => acknowledged.every(({ length }, which) => length >= (goals[which] ?? 0))
        await until(allGoOn, 90_000, 'everybody to go on')
      }
    }
    const valid = async () => ({ old: await statusWith(old), fresh: await statusWith(fresh) })

    if (allSteps) {
      t.same(await valid(), { old: 200, fresh: 401 }, 'at first')
      give(before, after)
      await restartAll()
    }
    t.same(await valid(), { old: 200, fresh: 200 }, 'both are valid')
    give(after, before)
    await restartAll()
    t.same(await valid(), { old: 200, fresh: 200 }, 'the new one signs')
    give(after, '')
    await restartAll()
    t.same(await valid(), { old: 401, fresh: 200 }, 'the old one is gone')

    writing = false
    await Promise.all(writers)
    const seen = () => {
      const all = Object.entries(streams).map(([who, events]) => [who, idsIn(events)])
      return checkOrder(Object.fromEntries(all), acknowledged.flat())
    }
    await until(() => seen().ok, 90_000, 'everybody to see everything').catch(() => {})
    t.ok(seen().ok, seen().text)
    t.same(
      chats.map(({ user }) => user),
      users,
      'everybody is who they were',
    )
    for (const service of [...rooms, ...histories, ...gateways]) {
      t.notMatch(service.logs(), /unauthorized|only services may call this/, service.name)
    }
  },
)
