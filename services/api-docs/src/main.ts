import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeMessages } from './asyncapi.ts'
import { describeHttp } from './openapi.ts'
import { pageOf } from './page/page.ts'
import { sdkPageOf } from './page/sdk.ts'
import { readSdk } from './sdk/exports.ts'

// Writes the descriptions into the folder of a site: `api/docs.html`, which is served at `/api/docs`, its files below, and the page of the SDK
// at `/api/docs/client.html`.
const [site] = process.argv.slice(2)
if (site === undefined) throw new Error('usage: main.js <folder of the site>')
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
const http = await describeHttp(version)
const messages = describeMessages(version)
const schemas = { ...http.components.schemas, ...messages.components.schemas }
const folder = join(site, 'api/docs')
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'openapi.json'), `${JSON.stringify(http, null, 2)}\n`)
writeFileSync(join(folder, 'asyncapi.json'), `${JSON.stringify(messages, null, 2)}\n`)
writeFileSync(join(site, 'api/docs.html'), pageOf(http, messages))
writeFileSync(join(folder, 'client.html'), sdkPageOf(readSdk(), schemas, version))
// The colours are those of the chat page.
const styles = ['../../../../web/src/styles/tokens.css', '../../src/page/style.css']
const css = styles.map((path) => readFileSync(new URL(path, import.meta.url), 'utf8'))
writeFileSync(join(folder, 'style.css'), css.join('\n'))
