import t from 'tap'
import { useMessagesAround } from '../src/index.ts'
import { message, openRoom } from './fake-gateway.ts'
import { mountIn } from './mount.tsx'

function Around({ id }: { id: string }) {
  const { messages, found, hasOlder, hasNewer, loadOlder, loadNewer, isLoading, error } = useMessagesAround(
    'general',
    id,
  )
  return (
    <>
      <p>{isLoading ? 'loading' : (error?.code ?? `${found} ${hasOlder} ${hasNewer}`)}</p>
      <button type="button" id="older" onClick={() => void loadOlder()} />
      <button type="button" id="newer" onClick={() => void loadNewer()} />
      {messages.map(({ id, text }) => (
        <li key={id}>{text}</li>
      ))}
    </>
  )
}

t.test('the messages around one grow at both ends, and are edited like those of the room', async (t) => {
  const asked: string[] = []
  let isDown = false
  const { chat, room, gateway } = await openRoom(t, undefined, (query) => {
    asked.push(`${query}`)
    if (isDown) return 503
    if (query.has('around')) return { messages: ['m4', 'm5'], more: true }
    return query.has('before') ? { messages: ['m3'], more: false } : { messages: ['m6'], more: false }
  })
  await room.join()
  const page = mountIn(t, chat, <Around id="m5" />)
  await page.shows('p', ['true true true'])
  await page.shows('li', ['m4', 'm5'])
  t.equal(asked.length, 1, 'strict mode asks once')
  isDown = true
  page.click('#older')
  await page.shows('p', ['unavailable'])
  isDown = false
  page.click('#older')
  await page.shows('li', ['m3', 'm4', 'm5'])
  page.click('#newer')
  await page.shows('li', ['m3', 'm4', 'm5', 'm6'])
  await page.shows('p', ['true false false'])
  const edit = { ...message('general', 'e1', 'better'), type: 'edit' as const, message: 'm4' }
  gateway.connections[0]?.send(edit)
  await page.shows('li', ['m3', 'better', 'm5', 'm6'])
  page.render(<Around id="m9" />)
  await page.shows('p', ['false true true'])
})
