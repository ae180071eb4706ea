import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { privateFolder } from '@rabble/harness'
import t from 'tap'
import { repository } from './repository.ts'

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
