import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { privateFolder } from '@rabble/harness'
import { settings } from '@rabble/service'
import t from 'tap'

/** Path of the repository, seen from test/system/dist/test/system. */
const repository = fileURLToPath(new URL('../../../../../', import.meta.url))

/** Settings that the container files set. */
const decided = [
  ...['RABBLE_AMQP_URL', 'RABBLE_DATABASE_URL', 'RABBLE_HISTORY_URL', 'RABBLE_ROOMS_URL'],
  ...[
    // Each gateway finds its own.
    'RABBLE_GATEWAY_URL',
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

t.test('make up says where all of it is', async (t) => {
  const file = join(privateFolder(t, 'env'), '.env')
  const told = async (written: string, env: Record<string, string> = {}) => {
    writeFileSync(file, written)
    const { stdout } = await promisify(execFile)(`${repository}docker/addresses`, [file], {
      env: { PATH: process.env.PATH, ...env },
    })
    return stdout.match(/https?:\S+/g)
  }
  const local = (...ports: number[]) => ports.map((port) => `http://localhost:${port}`)
  t.same(await told('RABBLE_SECRET=x\n'), local(8080, 9090, 3000))
  t.same(await told('PORT=8081\nGRAFANA_PORT="3001"\n'), local(8081, 9090, 3001))
  t.same(await told('PORT=8081\n', { PORT: '9000' }), local(9000, 9090, 3000), 'what is given to make counts')
  const tls = await told("TLS_CERT='/etc/rabble/cert.pem'\nTLS_KEY=/etc/rabble/key.pem\n")
  t.equal(tls?.[0], 'https://localhost:8443')
})
