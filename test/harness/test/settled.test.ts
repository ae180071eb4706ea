import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { privateFolder } from '../src/index.ts'
import { beginAnewUnlessSettled } from '../src/rabbitmq-control.ts'

t.test('the data of a broker stay once it has streams for good, and go before', (t) => {
  const coordination = 'data/rabbit@localhost/coordination/rabbit@localhost'
  const survives = (files: Record<string, string>) => {
    const home = privateFolder(t, 'broker')
    mkdirSync(join(home, coordination), { recursive: true })
    for (const [name, content] of Object.entries(files)) writeFileSync(join(home, name), content)
    beginAnewUnlessSettled(home)
    return existsSync(join(home, 'data'))
  }
  t.equal(survives({}), false)
  t.equal(survives({ [`${coordination}/names.dets`]: 'other names' }), false)
  t.equal(
    survives({ [`${coordination}/names.dets`]: '\0rabbit_stream_coordinator\0' }),
    true,
    'of an older version',
  )
  t.equal(survives({ settled: '' }), true, 'whatever happened to it since')
  t.end()
})
