import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isUserId, isUserName } from '@rabble/contract'
import { createLogger, readSecretFile, readSettings, tokenSettings, tokensFrom } from '@rabble/service'

/*
 * Prints a token for an operator. It is signed with RABBLE_SECRET. Default: the secret that a single-process Rabble keeps in
 * DATA_DIR. docker/token runs it, and containers have it.
 */

const usage = 'make token USER=<id> [NAME=<name>] [ROLES=moderator,service] [HOURS=24]'

try {
  process.stdout.write(`${await tokenOf(process.argv.slice(2))}\n`)
} catch (error) {
  process.stderr.write(`No token was made:\n  ${(error as Error).message}\n  ${usage}\n`)
  process.exitCode = 1
}

async function tokenOf(args: string[]): Promise<string> {
  const { values } = parseArgs({
    args,
    options: {
      user: { type: 'string', default: '' },
      name: { type: 'string', default: '' },
      roles: { type: 'string', default: '' },
      hours: { type: 'string', default: '' },
    },
  })
  const user = { id: values.user, name: values.name || values.user }
  const roles = values.roles
    .split(',')
    .map((role) => role.trim())
    .filter((role) => role !== '')
  const hours = Number(values.hours || 24)
  if (!isUserId(user.id)) throw new Error('USER must be an id: 1 to 64 of A-Z a-z 0-9 . _ -')
  if (!isUserName(user.name)) throw new Error('NAME must be a name of 1 to 64 characters')
  if (!(hours > 0 && hours <= 24 * 3660)) throw new Error('HOURS must be a number above 0, ten years at most')

  const settings = readSettings(process.env, ['DATA_DIR', ...tokenSettings])
  const secret = settings.RABBLE_SECRET ?? readSecretFile(join(settings.DATA_DIR, 'secret'))
  if (secret === undefined) {
    throw new Error(
      'RABBLE_SECRET is not set, no containers of `make up` run here, and DATA_DIR holds no secret; on a swarm: docs/operations.md',
    )
  }
  const logger = createLogger('token', 'silent')
  const tokens = tokensFrom({ ...settings, RABBLE_SECRET: secret }, { logger })
  return tokens.sign(user, Math.round(hours * 3600), roles)
}
