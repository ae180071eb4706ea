import { join } from 'node:path'
import { assertNothingLeft, dataFolder, freePort, privateFolder, startService } from '@rabble/harness'
import t from 'tap'
import { build } from 'vite'
import { launchBrowser, openPage } from '../browser.ts'
import { servePages } from '../page-server.ts'
import { repository } from '../repository.ts'

assertNothingLeft(t)

const port = await freePort()
process.env.VITE_RABBLE_URL = `http://127.0.0.1:${port}`
const outDir = privateFolder(t, 'site')
await build({
  root: join(repository, 'examples/react'),
  logLevel: 'warn',
  // The development version of React has the strict mode.
  mode: 'development',
  build: { outDir, emptyOutDir: true, minify: false },
})
const pages = await servePages(t, {}, outDir)
const site = `http://localhost:${pages}`
await startService(t, 'standalone', {
  DATA_DIR: dataFolder(t),
  PORT: String(port),
  RABBLE_ALLOWED_ORIGINS: site,
  LOG_LEVEL: 'warn',
})
const browser = await launchBrowser(t)

t.test('two people chat with the example of @rabble/react, which is of another origin', async (t) => {
  const enter = async (name: string) => {
    const { page, problems } = await openPage(t, browser, `${site}/index.html`)
    await page.getByRole('textbox', { name: 'Your name' }).fill(name)
    await page.keyboard.press('Enter')
    await page.getByText(`Connected as ${name}`).waitFor()
    return { page, problems, messageBox: page.getByRole('textbox', { name: 'Message' }) }
  }
  const [ada, bob] = [await enter('Ada'), await enter('Bob')]
  for (const { page } of [ada, bob]) await page.getByText('Here: Ada, Bob', { exact: true }).waitFor()
  await ada.messageBox.pressSequentially('Good morning')
  await bob.page.getByText('Ada writes…', { exact: true }).waitFor()
  await ada.page.keyboard.press('Enter')
  await bob.page.getByText('Ada: Good morning', { exact: true }).waitFor()
  await bob.messageBox.fill('Hello Ada')
  await bob.page.keyboard.press('Enter')
  for (const { page, problems } of [ada, bob]) {
    await page.getByText('Bob: Hello Ada', { exact: true }).waitFor()
    const lines = (await page.getByRole('listitem').allTextContents()).map((line) => line.trim())
    t.same(lines, ['Ada: Good morning', 'Bob: Hello Ada'])
    t.same(problems, [])
  }
  await bob.page.close()
  await ada.page.getByText('Here: Ada', { exact: true }).waitFor()
})
