import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { settings } from '@rabble/service'
import t from 'tap'

/** From test/system/dist/test. */
const repository = fileURLToPath(new URL('../../../../', import.meta.url))

/** What the files of the containers decide themselves. */
const decided = [
  ...['RABBLE_AMQP_URL', 'RABBLE_DATABASE_URL', 'RABBLE_HISTORY_URL', 'RABBLE_ROOMS_URL'],
  ...[
    'RABBLE_SECRET',
    'RABBLE_TRUSTED_PROXIES',
    'RABBLE_PREFIX',
    'RABBLE_DRAIN_MS',
    'PORT',
    'HOST',
    'DATA_DIR',
  ],
]

for (const file of ['docker-compose.yml', 'stack.yml']) {
  t.test(`each setting reaches all services of ${file}`, async (t) => {
    const [, environment = ''] =
      /^x-environment: &environment\n((?: .*\n)+)/m.exec(readFileSync(repository + file, 'utf8')) ?? []
    for (const name of Object.keys(settings).filter((name) => !decided.includes(name))) {
      t.match(environment, new RegExp(`^  ${name}: \\$\\{${name}:-[a-z]*\\}$`, 'm'), name)
    }
  })
}
