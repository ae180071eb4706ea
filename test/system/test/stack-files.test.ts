import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { filesIn, repository } from './repository.ts'

type Named = string | { source: string; target?: string }

interface Service {
  environment?: Record<string, unknown>
  secrets?: Named[]
  configs?: Named[]
  networks?: string[] | Record<string, unknown>
}

interface StackFile {
  services: Record<string, Service>
  secrets?: Record<string, { external?: boolean; name?: string }>
  configs?: Record<string, { name?: string; file: string }>
  networks?: Record<string, { attachable?: boolean; internal?: boolean }>
}

const read = (file: string): StackFile =>
  parse(readFileSync(join(repository, file), 'utf8'), { merge: true }) as StackFile
const base = read('stack.yml')
const additions = filesIn('', /^stack\..+\.yml$/).filter((file) => !file.includes('/'))

const sourceOf = (named: Named) => (typeof named === 'string' ? named : named.source)
const networksOf = ({ networks = [] }: Service) =>
  Array.isArray(networks) ? networks : Object.keys(networks)

/** Returns what is wrong with a file that is deployed with stack.yml, or with stack.yml itself. */
function complaintsAbout(file: StackFile): string[] {
  const isDeclared = (kind: 'secrets' | 'configs' | 'networks', name: string) =>
    [base, file].some((one) => name in (one[kind] ?? {}))
  const used = Object.entries(file.services).flatMap(([name, service]) => {
    const missing = (kind: 'secrets' | 'configs' | 'networks', names: string[]) =>
      names.filter((one) => !isDeclared(kind, one)).map((one) => `${name}: ${kind}: ${one}`)
    const secrets = (service.secrets ?? []).map(sourceOf)
    const known = [...secrets, ...(base.services[name]?.secrets ?? []).map(sourceOf)]
    const unread = Object.entries(service.environment ?? {}).flatMap(([variable, value]) => {
      const [, secret] = /^\/run\/secrets\/(\w+)$/.exec(String(value)) ?? []
      return secret !== undefined && !known.includes(secret)
        ? [`${name}: ${variable}: has no secret ${secret}`]
        : []
    })
    return [
      ...missing('secrets', secrets),
      ...missing('configs', (service.configs ?? []).map(sourceOf)),
      ...missing('networks', networksOf(service)),
      ...unread,
    ]
  })
  // Names without that of the stack would be shared by all stacks of a swarm.
  const unnamed = [...Object.entries(file.secrets ?? {}), ...Object.entries(file.configs ?? {})]
    .filter(([, { name }]) => name?.startsWith(`$\{STACK:-rabble}_`) !== true)
    .map(([name]) => `${name}: its name does not begin with that of the stack`)
  return [...used, ...unnamed]
}

t.test('a stack file that names what is not there is found', async (t) => {
  const wrong: StackFile = {
    services: {
      history: {
        environment: { RABBLE_VAPID_PRIVATE_KEY_FILE: '/run/secrets/vapid_key' },
        secrets: ['vapid_private_key'],
        networks: ['workers', 'worker'],
      },
    },
    secrets: { vapid_private_key: { external: true, name: 'vapid' } },
  }
  t.same(complaintsAbout(wrong), [
    'history: networks: worker',
    'history: RABBLE_VAPID_PRIVATE_KEY_FILE: has no secret vapid_key',
    'vapid_private_key: its name does not begin with that of the stack',
  ])
})

t.test('services of the stack use secrets, configurations and networks that exist', async (t) => {
  t.ok(additions.length >= 9, 'the files are found')
  for (const file of ['stack.yml', ...additions]) {
    t.same(complaintsAbout(read(file)), [], file)
  }
})

t.test('workers share a network with RabbitMQ, and with no other part of Rabble', async (t) => {
  const members = (network: string) =>
    Object.entries(base.services).flatMap(([name, service]) =>
      networksOf(service).includes(network) ? name : [],
    )
  t.same(members('workers'), ['rabbitmq'])
  t.match(base.networks?.workers, { attachable: true, internal: true })
  t.same(networksOf(read('stack.workers.yml').services.worker ?? {}), ['workers'])
})
