import { assertNothingLeft, freePort, startCluster, until } from '@rabble/harness'
import t from 'tap'
import { launchBrowser, openChat } from '../browser.ts'

assertNothingLeft(t)

const nginxPort = await freePort()
const ports = [await freePort(), await freePort()]
const urls = ports.map((port) => `ws://127.0.0.1:${port}`)
const browser = await launchBrowser(t)
const cluster = await startCluster(t, {
  port: nginxPort,
  restart: false,
  env: { RABBLE_ALLOWED_ORIGINS: `http://127.0.0.1:${nginxPort}`, PUBLIC_GATEWAYS: urls.join(' ') },
  gatewayEnv: (n) => ({ RABBLE_PUBLIC_URL: urls[n] ?? '', RABBLE_PUBLIC_PORT: String(ports[n]) }),
})

t.test('the page is with a gateway directly, and stays in the room when that gateway dies', async (t) => {
  const ada = await openChat(t, browser, cluster.url)
  await ada.enter('Ada')
  await ada.write('hello')
  await ada.sees('hello')
  // As half a minute later: the SDK keeps in the tab what worked.
  await ada.page.evaluate(() => sessionStorage.setItem('rabble.transport', '"direct"'))
  const sockets: string[] = []
  ada.page.on('websocket', (socket) => sockets.push(socket.url()))
  await ada.page.reload()
  const used = () => new Set(sockets.map((url) => new URL(url).port))
  await ada.sees('hello')
  await ada.showConnection(true)
  await ada.page.getByText('without a proxy').waitFor()
  const [home] = used()
  t.ok(ports.includes(Number(home)), `${sockets}`)

  const first = await ada.gateway()
  t.match(await ada.switchGateway(), /^You are on gateway-\d-\w+ now\.$/)
  t.not(await ada.gateway(), first)
  t.same(used(), new Set(ports.map(String)), 'the other one, as directly')
  await cluster.gateways[ports.indexOf(Number(home)) === 0 ? 1 : 0]?.kill()
  await until(async () => (await ada.gateway()) === first, 60_000, 'the first one again')
  await ada.write('still here')
  await ada.shows(['hello', 'still here'])
  t.same(ada.problems, [])
})
