import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  assertNothingLeft,
  connectChat,
  inForm,
  putIntoQueue,
  startCluster,
  startPrometheus,
  until,
} from '@rabble/harness'
import { createTokens } from '@rabble/service'
import t from 'tap'
import { alertNames, alertRules, dashboard, machines, panelsOf, promtool } from '../monitoring-files.ts'

assertNothingLeft(t)

const variables = dashboard.templating.list
const panels = panelsOf(dashboard)

t.test('a real Prometheus', async (t) => {
  // Without a before-publish hook, the panel of its times would have no data.
  const hook = createServer((request, response) => {
    request.resume()
    response.writeHead(204).end()
  })
  hook.listen(0, '127.0.0.1')
  await once(hook, 'listening')
  t.teardown(() => {
    hook.closeAllConnections()
    hook.close()
  })
  const cluster = await startCluster(t, {
    gateways: inForm(1, 2),
    brokerMetrics: true,
    gatewayEnv: () => ({
      RABBLE_BEFORE_PUBLISH_URL: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`,
      RABBLE_BEFORE_PUBLISH_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    }),
  })
  const { gateways, histories, rooms, rabbitmq } = cluster
  /** Alerts that Prometheus sent, as an Alertmanager gets them. */
  const sent: { labels: Record<string, string>; annotations: Record<string, string> }[] = []
  const alertmanager = createServer(async (request, response) => {
    sent.push(...((await json(request)) as typeof sent))
    response.end()
  })
  alertmanager.listen(0, '127.0.0.1')
  await once(alertmanager, 'listening')
  t.teardown(() => {
    alertmanager.closeAllConnections()
    alertmanager.close()
  })
  const broker = [rabbitmq.metricsPort ?? 0]
  const prometheus = await startPrometheus(
    t,
    {
      gateway: gateways.map(({ port }) => port),
      history: histories.map(({ port }) => port),
      rooms: rooms.map(({ port }) => port),
      rabbitmq: broker,
      'rabbitmq-queues': broker,
    },
    { alertmanager: (alertmanager.address() as AddressInfo).port },
  )

  async function ask<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`${prometheus.url}/api/v1/${path}?${new URLSearchParams(query)}`)
    const { data, error } = (await response.json()) as { data: T; error?: string }
    if (error !== undefined) throw new Error(`${JSON.stringify(query)}: ${error}`)
    return data
  }

  /** Whether an expression now has a value that is a number. */
  async function hasData(expr: string): Promise<boolean> {
    const { result } = await ask<{ result: { value: [number, string] }[] }>('query', { query: expr })
    return result.some(({ value: [, number] }) => number !== 'NaN')
  }

  const ada = await connectChat(t, gateways[0]?.url ?? '', { name: 'Ada' })
  const bob = await connectChat(t, gateways.at(-1)?.url ?? '', { name: 'Bob' })
  for (const client of [ada, bob]) await client.join('general')
  const token = await createTokens(cluster.secret).sign({ id: 'ci', name: 'CI' }, 600, ['service'])

  /** Does some of all actions of people and programs. */
  async function chat(): Promise<void> {
    const { id } = await ada.send('general', 'hello')
    await bob.sees(id)
    await ada.edit('general', id, 'hello all')
    await bob.send('general', 'hello Ada')
    const read = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(`${cluster.url}/api/${path}`, init)
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    }
    await read('rooms/general/messages')
    await read('search?q=hello&room=general')
    await read('notify', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ room: 'general', text: 'over HTTP' }),
    })
    await putIntoQueue(rabbitmq.url, 'rabble.notify', [
      { body: JSON.stringify({ room: 'general', text: 'over the queue' }) },
    ])
  }

  /** Chats until each of these has data. Returns those without data after two minutes. */
  async function without(expressions: Iterable<[string, string]>): Promise<string[]> {
    const left = new Map(expressions)
    const look = async () => {
      await chat()
      await Promise.all([...left].map(async ([what, expr]) => (await hasData(expr)) && left.delete(what)))
      await sleep(250)
      return left.size === 0
    }
    await until(look, 120_000, 'data').catch((error: Error) => t.comment(String(error.cause ?? error)))
    return [...left].map(([what, expr]) => `${what}: ${expr}`)
  }

  await t.test('reaches all that is to be asked', async (t) => {
    const states = async () => {
      const { activeTargets } = await ask<{ activeTargets: { labels: { job: string }; health: string }[] }>(
        'targets',
      )
      return activeTargets.map(({ labels, health }) => `${labels.job} ${health}`).sort()
    }
    const others = ['history', 'prometheus', 'rabbitmq', 'rabbitmq-queues', 'rooms']
    const wanted = [...gateways.map(() => 'gateway'), ...others]
    const reached = async () => String(await states()) === String(wanted.map((job) => `${job} up`))
    await until(reached, 60_000, 'all of them').catch(() => {})
    t.same(
      await states(),
      wanted.map((job) => `${job} up`),
    )
  })

  await t.test('has data for all panels', async (t) => {
    const expressions = panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }): [string, string] => [`${title}, ${expr}`, asked(expr)]),
    )
    t.ok(expressions.length >= panels.length, 'each panel asks something')
    t.same(await without(expressions), [])
  })

  await t.test('understands what the panels of the exporters ask', async (t) => {
    for (const { title, targets = [] } of panelsOf(machines)) {
      for (const { expr } of targets) {
        // Without exporters there is no data, and an expression that is wrong is an error.
        await t.resolves(ask('query', { query: asked(expr) }), title)
      }
    }
  })

  await t.test('knows the values of each variable', async (t) => {
    for (const { name, query } of variables) {
      const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? []
      const { result } = await ask<{ result: object[] }>('query', {
        query: `count by (${label}) (${metric})`,
      })
      t.equal(result.length, name === 'gateway' ? gateways.length : gateways.length + 2, query)
    }
  })

  await t.test('has data for all alerts, and none fires', async (t) => {
    const { groups } = await ask<{ groups: { rules: { name: string; query: string }[] }[] }>('rules')
    const rules = groups.flatMap(({ rules }) => rules)
    t.same(rules.map(({ name }) => name).sort(), [...alertNames].sort())
    const expressions = rules.map(({ name, query }): [string, string] => [name, uncompared(query)])
    t.same(await without(expressions), [])
    t.same(await firing(), [])
  })

  await t.test('knows all metrics that are asked for', async (t) => {
    const known = new Set(Object.keys(await ask<Record<string, unknown>>('metadata')))
    const asked = [alertRules, ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))]
    for (const text of asked) {
      for (const [name] of text.matchAll(/\b(?:rabble|rabbitmq|process|nodejs)_\w+/g)) {
        t.ok(known.has(name) || known.has(name.replace(/_(bucket|count|sum)$/, '')), name)
      }
    }
  })

  /** Returns the firing alerts, except the one that a busy machine causes. */
  async function firing(): Promise<string[]> {
    const { alerts } = await ask<{ alerts: { state: string; labels: { alertname: string } }[] }>('alerts')
    return alerts
      .filter(({ state, labels }) => state === 'firing' && labels.alertname !== 'RabbleEventLoopLag')
      .map(({ labels }) => labels.alertname)
  }

  await t.test('promtool finds nothing wrong with the metrics of a service', async (t) => {
    for (const service of [...gateways, ...histories, ...rooms]) {
      const metrics = await (await fetch(`${service.url}/metrics`)).text()
      t.equal(await promtool(['check', 'metrics'], metrics), '', service.name)
    }
  })

  await t.test('tells when RabbitMQ takes no more messages', async (t) => {
    await rabbitmq.shortOfMemory(true)
    await until(async () => (await firing()).includes('RabbleBrokerMemoryAlarm'), 60_000, 'the alert')
    const alarm = () => sent.find(({ labels }) => labels.alertname === 'RabbleBrokerMemoryAlarm')
    await until(() => alarm() !== undefined, 60_000, 'Alertmanager to get it')
    t.equal(alarm()?.labels.severity, 'critical')
    t.equal(alarm()?.annotations.runbook_url, 'docs/operations.md#rabblebrokermemoryalarm')
    await rabbitmq.shortOfMemory(false)
    await until(async () => (await firing()).length === 0, 60_000, 'the alert to be over')
    t.pass('it was told, and that it was over')
  })
})

/** Returns an expression as Grafana asks it if all values of the variables are chosen. */
function asked(expr: string): string {
  return expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, '.*')
}

/** Returns an expression whose comparisons have the result 0 or 1 and drop no series. */
function uncompared(expr: string): string {
  return expr.replace(/\{[^}]*\}|==|!=|>=|<=|>|</g, (part) => (part.startsWith('{') ? part : `${part} bool`))
}
