import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assertNothingLeft, dataFolder, freePort, startProcess, startService } from '@rabble/harness'
import t from 'tap'
import { launchBrowser, openPage } from '../browser.ts'
import { preparePackages } from '../packages.ts'
import { repository } from '../repository.ts'

assertNothingLeft(t)

// Next.js is installed from the registry: it has 340 MB, so it is not among the dependencies of the repository.
const [port, nextPort] = [await freePort(), await freePort()]
const site = `http://localhost:${nextPort}`
const settings = {
  RABBLE_URL: `http://127.0.0.1:${port}`,
  RABBLE_SECRET: 'only-for-this-test-0123456789-0123456789',
  NEXT_TELEMETRY_DISABLED: '1',
}
const { client, react, createProject, node, projects } = await preparePackages(t, settings)
cpSync(join(repository, 'examples/nextjs'), join(projects, 'nextjs'), { recursive: true })
const manifest = JSON.parse(readFileSync(join(repository, 'examples/nextjs/package.json'), 'utf8'))
const folder = await createProject('nextjs', {}, [client, react, `next@${manifest.dependencies.next}`])
const next = join(folder, 'node_modules/next/dist/bin/next')
await node(folder, next, 'build')
await startService(t, 'standalone', {
  ...settings,
  DATA_DIR: dataFolder(t),
  PORT: String(port),
  RABBLE_AUTH: 'jwt',
  RABBLE_ALLOWED_ORIGINS: site,
  LOG_LEVEL: 'warn',
})
await startProcess(t, {
  name: 'next',
  command: process.execPath,
  args: [next, 'start', folder, '--port', String(nextPort)],
  env: { ...settings, NODE_ENV: 'production' },
  isReady: async () => (await fetch(`${site}/`)).ok,
})

t.test('the documentation names the version of Next.js that this test runs', async (t) => {
  const { version } = JSON.parse(readFileSync(join(folder, 'node_modules/next/package.json'), 'utf8'))
  const page = readFileSync(join(repository, 'examples/README.md'), 'utf8')
  t.ok(page.includes(`Next.js ${version.replace(/\.\d+$/, '')}`), version)
})

t.test('signed-in users chat on a page of Next.js, and its route publishes orders', async (t) => {
  const browser = await launchBrowser(t)
  const enter = async (name: string) => {
    const { page, problems } = await openPage(t, browser, site)
    await page.getByRole('button', { name: `I am ${name}` }).click()
    await page.getByText(`Connected as ${name}`).waitFor()
    return { page, problems }
  }
  const [ada, bob] = [await enter('Ada Lovelace'), await enter('Robert')]
  await ada.page.getByRole('textbox', { name: 'Message' }).fill('Good morning')
  await ada.page.keyboard.press('Enter')
  await bob.page.getByText('Ada Lovelace: Good morning', { exact: true }).waitFor()
  await bob.page.getByRole('button', { name: 'Order a cake' }).click()
  await ada.page.getByText('Shop: Robert has ordered a cake', { exact: true }).waitFor()
  t.same([...ada.problems, ...bob.problems], [])
})
