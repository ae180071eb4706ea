import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSettings, type SettingName, secretSettings, settings } from '@rabble/service'
import t from 'tap'
import { parse } from 'yaml'
import { filesIn, repository } from './repository.ts'
import { settingsReadBy } from './settings-read.ts'

function read(path: string): string {
  return readFileSync(join(repository, path), 'utf8')
}

/** A program in a container: the variables that it reads, with their defaults, and their rules. */
interface Reader {
  defaults: ReadonlyMap<string, string>
  /** Returns the rule that a value breaks, or undefined. */
  broken(name: string, value: string): string | undefined
}

function defaultOf(name: string): string {
  const setting = settings[name as SettingName]
  return 'default' in setting ? String(setting.default) : ''
}

function brokenBySetting(name: string, value: string): string | undefined {
  try {
    readSettings({ [name]: value }, [name as SettingName])
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function readerOf(names: readonly string[]): Reader {
  return { defaults: new Map(names.map((name) => [name, defaultOf(name)])), broken: brokenBySetting }
}

const services = ['gateway', 'history', 'rooms']
const nginxDefaults = new Map(
  [...read('nginx/render').matchAll(/^: "\$\{(\w+):?=(.*)\}"$/gm)].map(([, name = '', value = '']) => [
    name,
    value,
  ]),
)
const readers: Record<string, Reader> = {
  ...Object.fromEntries(services.map((service) => [service, readerOf(settingsReadBy(service))])),
  nginx: { defaults: nginxDefaults, broken: () => undefined },
}

/** Variables of the image itself, as its Dockerfile sets them. */
const imageVariables = Object.fromEntries(
  [...read('Dockerfile').matchAll(/^ENV (.*)$/gm)].flatMap(([, pairs = '']) =>
    pairs.split(' ').map((pair) => pair.split('=')),
  ),
) as Record<string, string>

/** Returns the variables of each service of a container file as they are written, by service and name. */
function environmentsIn(text: string): [service: string, environment: [name: string, value: string][]][] {
  const file = parse(text, { merge: true }) as { services: Record<string, { environment?: object } | null> }
  return Object.entries(file.services).map(([service, content]) => [
    service,
    Object.entries(content?.environment ?? {}).map(([name, value]) => [name, String(value)]),
  ])
}

/**
 * Returns a value as Compose passes it on if the variables in it are not set, except for those that it requires, and as Swarm
 * passes on the first task.
 */
function substituted(value: string): string {
  return value
    .replaceAll(/\{\{[\w.]+\}\}/g, '1')
    .replaceAll(/\$\{\w+:([-+?])([^}]*)\}/g, (_, kind: string, text: string) =>
      kind === '?' ? 'x'.repeat(32) : kind === '-' ? text : '',
    )
}

/** Whether a comment stands beside the variable or in the line before. */
function hasReason(text: string, name: string): boolean {
  return new RegExp(`^ *# .*\\n *(ENV )?${name}[:=]|^ *${name}: .* # `, 'm').test(text)
}

/** Returns what is wrong with a variable that a service gets in the file `text`, or undefined. */
function complaintAbout(reader: Reader, text: string, name: string, written: string): string | undefined {
  const isFile = name.endsWith('_FILE') && (secretSettings as readonly string[]).includes(name.slice(0, -5))
  const setting = isFile ? name.slice(0, -5) : name
  const standard = reader.defaults.get(setting)
  if (standard === undefined) return `${name} is not read`
  const value = substituted(written)
  if (isFile || value === '') return undefined
  const broken = reader.broken(setting, value)
  if (broken !== undefined) return broken
  if (hasReason(text, name)) return undefined
  if (value === standard) return `${name} repeats its default`
  return /\$\{\w+:-.+\}/.test(written) ? `${name} has a default of its own, without a reason` : undefined
}

function complaintsAbout(file: string, text: string): string[] {
  return environmentsIn(text).flatMap(([service, environment]) => {
    const reader = readers[service]
    if (reader === undefined) return []
    return environment.flatMap(([name, written]) => {
      const isOwn = name === 'SERVICE' && services.includes(service)
      const complaint = isOwn
        ? written === service
          ? undefined
          : `SERVICE must be ${service}`
        : complaintAbout(reader, text, name, written)
      return complaint === undefined ? [] : [`${file}: ${service}: ${complaint}`]
    })
  })
}

const containerFiles = filesIn('', /\.yml$/).filter((path) => /^[^/]*\.yml$/.test(path))

t.test('a wrong variable of a container is found', async (t) => {
  const text = `
x-environment: &environment
  RABBLE_PREFIX: \${RABBLE_PREFIX:-rabble}
  # The broker is in this network.
  RABBLE_PARTITIONS: \${RABBLE_PARTITIONS:-4}
  RABBLE_WAITING_EVENTS: 0
  RABBLE_SECRET_FILE: /run/secrets/secret
  RABBLE_SECRET: \${RABBLE_SECRET:?}
services:
  gateway:
    environment:
      <<: *environment
      SERVICE: rooms
      RABBLE_DATABASE_URL: postgres://postgres
      RABBLE_CONNECTIONS: \${RABBLE_CONNECTIONS:-10}
      PORT: '8080'
  rooms:
    environment: { RABBLE_ROOM: open, RABBLE_AUDIT_DAYS: '\${RABBLE_AUDIT_DAYS:-}' }
  nginx:
    environment: { PORT: 80, RESOLVERS: none, RESOLVER: 127.0.0.11 }
  postgres:
    environment: { POSTGRES_DB: rabble }
`
  t.same(complaintsAbout('x.yml', text), [
    'x.yml: gateway: RABBLE_PREFIX repeats its default',
    'x.yml: gateway: RABBLE_WAITING_EVENTS must be >= 1, but is "0"',
    'x.yml: gateway: SERVICE must be gateway',
    'x.yml: gateway: RABBLE_DATABASE_URL is not read',
    'x.yml: gateway: RABBLE_CONNECTIONS has a default of its own, without a reason',
    'x.yml: gateway: PORT repeats its default',
    'x.yml: rooms: RABBLE_ROOM is not read',
    'x.yml: nginx: RESOLVERS is not read',
    'x.yml: nginx: RESOLVER repeats its default',
  ])
})

t.test(
  'containers get only variables that they read, with values that differ from the defaults',
  async (t) => {
    t.ok(containerFiles.length >= 5, 'the files are found')
    t.same(
      containerFiles.flatMap((file) => complaintsAbout(file, read(file))),
      [],
    )
  },
)

t.test('the image sets what its parts read, and no default', async (t) => {
  const text = read('Dockerfile')
  const reader = readerOf(Object.keys(settings))
  const own = Object.entries(imageVariables).filter(([name]) => name in settings)
  t.same(
    own.map(([name]) => name),
    ['HOST', 'PORT'],
  )
  t.same(
    own.map(([name, value]) => complaintAbout(reader, text, name, value)),
    [undefined, undefined],
  )
})

/**
 * Settings that are not for operators to set in containers: the image has them, the files depend on their values, or each replica
 * has its own value.
 */
const fixed = new Set([
  ...Object.keys(imageVariables),
  ...['RABBLE_PREFIX', 'RABBLE_DRAIN_MS', 'RABBLE_GATEWAY_NAME', 'RABBLE_GATEWAY_URL'],
  ...['RABBLE_PUBLIC_URL', 'RABBLE_PUBLIC_PORT'],
  // One name for all services would make them one service in traces.
  'OTEL_SERVICE_NAME',
])

/** Settings whose values the container files know. */
const known = new Set([
  ...['RABBLE_AMQP_URL', 'RABBLE_DATABASE_URL', 'RABBLE_HISTORY_URL', 'RABBLE_ROOMS_URL'],
  ...['RABBLE_SECRET', 'RABBLE_TRUSTED_PROXIES'],
])

for (const file of ['docker-compose.yml', 'stack.yml']) {
  const environments = new Map(environmentsIn(read(file)))
  for (const service of services) {
    t.test(`each setting of ${service} reaches it in ${file}`, async (t) => {
      const environment = new Map(environments.get(service))
      for (const name of settingsReadBy(service).filter((name) => !fixed.has(name))) {
        if (known.has(name)) t.ok(environment.has(name) || environment.has(`${name}_FILE`), name)
        else t.match(environment.get(name), new RegExp(`^\\$\\{${name}:-.*\\}$`), name)
      }
    })
  }
}

/** Returns the defaults of variables in a container file, by name: `8080` of `${PORT:-8080}`. */
function defaultsIn(...files: string[]): Map<string, string> {
  const found = files.flatMap((file) => [...read(file).matchAll(/\$\{(\w+):-([^}]*)\}/g)])
  return new Map(found.map(([, name = '', value = '']) => [name, value]))
}

t.test('what is written for people has the defaults that count', async (t) => {
  const [, nginx = '', swarm = ''] = /^## Nginx$(.*?)^## Swarm$(.*)/ms.exec(read('docs/deployment.md')) ?? []
  const rows = (section: string, defaults: ReadonlyMap<string, string>) =>
    [...section.matchAll(/^\| `(\w+)` +\| +(?:`(.*?)`)? +\|/gm)].map(([, name = '', value = '']) => {
      t.equal(value, defaults.get(name), `${name} in docs/deployment.md`)
      return name
    })
  t.ok(rows(nginx, nginxDefaults).length > 5, 'the table of Nginx is found')
  for (const name of nginxDefaults.keys()) t.match(nginx, `\`${name}\``, `${name} is in docs/deployment.md`)
  t.ok(
    rows(swarm, defaultsIn('stack.yml', 'stack.tls.yml', 'stack.direct.yml')).length > 5,
    'the table of the stack is found',
  )

  const [help = ''] = /^start: .*$/m.exec(read('Makefile')) ?? []
  const told = [...help.matchAll(/(\w+) \((.*?)\)/g)]
  t.ok(told.length > 0, 'the settings of make start are found')
  for (const [, name = '', value] of told) t.equal(value, defaultOf(name), `${name} in the Makefile`)

  const compose = defaultsIn('docker-compose.yml')
  const ports = /^(?:.*setting )?(\w*PORT)[ =](\d+)/gm
  for (const file of ['docker/addresses', 'docker/env']) {
    const found = [...read(file).matchAll(ports)]
    t.ok(found.length > 0, `the ports in ${file} are found`)
    for (const [, name = '', value] of found) t.equal(value, compose.get(name), `${name} in ${file}`)
  }
})

/** Returns the names that begin with RABBLE_ in a text. One that ends with `_` stands for all that begin so. */
function namesIn(text: string): string[] {
  return [...new Set(text.match(/\bRABBLE_[A-Z_]*/g))]
}

t.test('every name of a variable that a page or a script mentions is one that something reads', async (t) => {
  const examples = filesIn('examples', /\.(mjs|py|sh)$/)
  const readByExamples = examples
    .flatMap((path) => read(path).split('\n'))
    .filter((line) => /process\.env|os\.environ|\$\{/.test(line))
  const readByTests = filesIn('test', /\.ts$/).flatMap(
    (path) => read(path).match(/(?<=process\.env\.|')RABBLE_TEST_\w+/g) ?? [],
  )
  const names = new Set([
    ...Object.keys(settings),
    ...secretSettings.map((name) => `${name}_FILE`),
    ...readByExamples.flatMap(namesIn),
    ...readByTests,
  ])
  const isKnown = (name: string) =>
    names.has(name) || (name.endsWith('_') && [...names].some((known) => known.startsWith(name)))
  const pages = [
    ...filesIn('', /\.(md|ya?ml)$|^(Makefile|Dockerfile)$/).filter((path) => path !== 'CHANGELOG.md'),
    ...['docker', 'nginx', 'monitoring', 'examples'].flatMap((folder) =>
      filesIn(folder, /^(?!.*\.(md|ya?ml)$)/),
    ),
  ]
  t.same(
    pages.flatMap((path) =>
      namesIn(read(path))
        .filter((name) => !isKnown(name))
        .map((name) => `${path}: ${name}`),
    ),
    [],
  )
})

t.test('the table of ways to connect has each of RABBLE_TRANSPORTS', async (t) => {
  const [, row = ''] = /^\| in `RABBLE_TRANSPORTS` \|(.*)\|$/m.exec(read('docs/protocol.md')) ?? []
  const names = row.split('|').map((cell) => cell.trim().replaceAll('`', ''))
  t.same([...new Set(names)], defaultOf('RABBLE_TRANSPORTS').split(','))
})
