import { assertNothingLeft, connectChat, dataFolder, startService } from '@rabble/harness'
import t from 'tap'
import { launchBrowser, openChat } from '../browser.ts'

assertNothingLeft(t)
const browser = await launchBrowser(t)
const rabble = await startService(t, 'standalone', { DATA_DIR: dataFolder(t), RABBLE_COMPRESSION: 'on' })

t.test('a browser gets compression, and shows all that is said', async (t) => {
  const writer = await connectChat(t, rabble.url, { name: 'Writer' })
  await writer.join('general')
  const said = Array.from({ length: 30 }, (_, n) => `${n} é 中文 👍🏽`)
  for (const text of said.slice(0, 10)) await writer.send('general', text)
  const ada = await openChat(t, browser, `${rabble.url}/#general`)
  await ada.page.addInitScript(`
    const Plain = WebSocket
    window.WebSocket = class extends Plain {
      constructor(...args) {
        super(...args)
        window.socket = this
      }
    }`)
  await ada.page.reload()
  await ada.enter('Ada')
  await ada.sees(said[9] ?? '')
  for (const text of said.slice(10)) await writer.send('general', text)
  await ada.write('compressed')
  await ada.shows([...said, 'compressed'])
  t.match(
    await ada.page.evaluate('window.socket.extensions'),
    /^permessage-deflate; client_no_context_takeover/,
  )
  t.same(ada.problems, [])
})
