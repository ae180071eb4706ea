import { parseArgs } from 'node:util'
import { readSettings } from '@rabble/service'
import { backUp } from './backups/backup.ts'

/* Makes a backup of DATA_DIR. docker/backup runs it. */

try {
  const { values } = parseArgs({ options: { to: { type: 'string', default: './backups' } } })
  const { DATA_DIR } = readSettings(process.env, ['DATA_DIR'])
  const { folder, messages } = await backUp(DATA_DIR, values.to)
  process.stdout.write(`${folder}: ${messages} messages, and ${DATA_DIR}/secret if there is one\n`)
} catch (error) {
  process.stderr.write(`No backup was made:\n  ${(error as Error).message}\n`)
  process.exitCode = 1
}
