import { checkDocumented } from '@rabble/harness'
import t from 'tap'
import { readSettings, SettingsError, unknownSettings } from '../src/read-settings.ts'
import { settingsTable } from './settings-table.ts'

t.test('docs/operations.md lists exactly the settings that exist', async (t) => {
  checkDocumented(t, 'docs/operations.md', 'settings', settingsTable())
})

t.test('defaults apply to what is absent or empty, and numbers become numbers', async (t) => {
  const settings = readSettings({ PORT: '', RABBLE_PARTITIONS: '4' }, [
    'PORT',
    'RABBLE_PARTITIONS',
    'RABBLE_SECRET',
  ])
  t.strictSame(settings, { PORT: 8080, RABBLE_PARTITIONS: 4 })
})

t.test('every mistake is told at once, by variable, rule and value', async (t) => {
  const env = { PORT: '99999', LOG_LEVEL: 'loud', RABBLE_PARTITIONS: 'two', RABBLE_AMQP_URL: 'http://x' }
  const error = thrown(() =>
    readSettings(
      env,
      ['PORT', 'LOG_LEVEL', 'RABBLE_PARTITIONS', 'RABBLE_AMQP_URL', 'RABBLE_DATABASE_URL'],
      ['RABBLE_DATABASE_URL'],
    ),
  )
  t.match(error, SettingsError)
  const lines = error.message.split('\n')
  t.equal(lines.length, 5)
  t.match(lines[0], /^PORT must be <= 65535, but is "99999"$/)
  t.match(lines[1], /^LOG_LEVEL must be one of fatal, error, .*, but is "loud"$/)
  t.match(lines[2], /^RABBLE_PARTITIONS must be integer, but is "two"$/)
  t.match(lines[3], /^RABBLE_AMQP_URL must match pattern/)
  t.match(lines[4], /^RABBLE_DATABASE_URL is required/)
})

t.test('a secret may come from a file and is never printed', async (t) => {
  const folder = t.testdir({ secret: `${'s'.repeat(40)}\n`, short: 'hunter2' })
  const names = ['RABBLE_SECRET'] as const
  t.equal(readSettings({ RABBLE_SECRET_FILE: `${folder}/secret` }, names).RABBLE_SECRET, 's'.repeat(40))
  const tooShort = thrown(() => readSettings({ RABBLE_SECRET_FILE: `${folder}/short` }, names))
  t.match(tooShort.message, /^RABBLE_SECRET must/)
  t.notMatch(tooShort.message, /hunter2/)
  t.match(
    thrown(() => readSettings({ RABBLE_SECRET_FILE: '/nowhere' }, names)).message,
    /RABBLE_SECRET_FILE must name/,
  )
  t.match(
    thrown(() =>
      readSettings({ RABBLE_SECRET: 's'.repeat(40), RABBLE_SECRET_FILE: `${folder}/secret` }, names),
    ).message,
    /must not both be set/,
  )
})

t.test('what has the right form and can’t be used is told by its variable, too', async (t) => {
  const names = [
    ...(['RABBLE_TRUSTED_PROXIES', 'RABBLE_ALLOWED_ORIGINS'] as const),
    ...(['RABBLE_AMQP_URL', 'RABBLE_HISTORY_URL'] as const),
    ...(['RABBLE_WEBHOOK_URL', 'RABBLE_WEBHOOK_SECRET', 'RABBLE_WEBHOOK_EVENTS'] as const),
    'RABBLE_BLOCKED_WORDS',
  ] as const
  const env = {
    RABBLE_TRUSTED_PROXIES: '10.0.0.0/8, abc',
    RABBLE_ALLOWED_ORIGINS: 'https://chat.example/',
    RABBLE_AMQP_URL: 'amqp://ada:hunter2@broker:port/',
    RABBLE_HISTORY_URL: 'http://history:8080:8080',
    RABBLE_WEBHOOK_URL: 'https://ada:hunter2@bot.example/',
    RABBLE_WEBHOOK_SECRET: 'whsec_aHVudGVyMg==',
    RABBLE_WEBHOOK_EVENTS: 'rooms,dms',
    RABBLE_BLOCKED_WORDS: 'darn, heck hunter-2',
  }
  t.match(thrown(() => readSettings(env, names)).message.split('\n'), [
    'RABBLE_TRUSTED_PROXIES must be addresses or networks, separated by commas, but is "10.0.0.0/8, abc"',
    /^RABBLE_ALLOWED_ORIGINS must be origins .* can never match \(write https:\/\/chat.example\), but is "https:\/\/chat.example\/"$/,
    'RABBLE_AMQP_URL must be a valid URL',
    'RABBLE_HISTORY_URL must be a valid URL, but is "http://history:8080:8080"',
    'RABBLE_WEBHOOK_URL must have no user and no password',
    'RABBLE_WEBHOOK_SECRET must be whsec_ and the Base64 of 24 to 64 bytes',
    /^RABBLE_WEBHOOK_EVENTS must match pattern .*, but is "rooms,dms"$/,
    'RABBLE_BLOCKED_WORDS must be words of 1 to 64 letters and digits, which number 3 is not',
  ])
  const right = {
    RABBLE_TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8, 127.0.0.1',
    RABBLE_ALLOWED_ORIGINS: 'https://chat.example, https://*.example.com, capacitor://localhost',
    RABBLE_AMQP_URL: 'amqp://ada:hunter%2F2@broker:5672/%2F',
    RABBLE_HISTORY_URL: 'http://history:8080',
    RABBLE_WEBHOOK_URL: 'https://bot.example/rabble?token=hunter2',
    RABBLE_WEBHOOK_SECRET:
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_plJ3nmyCDGBKInavdOK15jsl+/Ca9cRd0B8=',
    RABBLE_WEBHOOK_EVENTS: 'direct,rooms',
    RABBLE_BLOCKED_WORDS: 'darn, heck\nStraße',
  }
  t.strictSame(readSettings(right, names), right)
})

t.test('a misspelt variable is noticed', async (t) => {
  t.strictSame(unknownSettings({ RABBLE_PARTITION: '2', RABBLE_SECRET_FILE: 'x', PATH: '' }), [
    'RABBLE_PARTITION',
  ])
})

function thrown(run: () => unknown): Error {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
