import { parseArgs } from 'node:util'
import { readSettings } from '@rabble/service'
import { restore } from './backups/restore.ts'

/* Puts a backup back into DATA_DIR. docker/restore runs it. */

const flag = { type: 'boolean', default: false } as const

try {
  const { values } = parseArgs({
    options: { from: { type: 'string', default: '' }, replace: flag, 'nothing-lost': flag },
  })
  const { DATA_DIR } = readSettings(process.env, ['DATA_DIR'])
  const { backup, replaced } = await restore({
    from: values.from,
    dataDir: DATA_DIR,
    replace: values.replace,
    nothingLost: values['nothing-lost'],
  })
  process.stdout.write(`${DATA_DIR} is as it was at ${backup.at}: ${backup.messages} messages\n`)
  if (!values['nothing-lost'])
    process.stdout.write('Users are told that messages may be missing since then.\n')
  for (const path of replaced)
    process.stdout.write(`The one before is now ${path}: delete it if you don't need it.\n`)
} catch (error) {
  process.stderr.write(`Nothing was restored:\n  ${(error as Error).message}\n`)
  process.exitCode = 1
}
