import { execFile } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { assertNothingLeft, privateFolder } from '@rabble/harness'
import t from 'tap'
import {
  alertNames,
  alertRules,
  dashboard,
  exporterAlertNames,
  exporterRules,
  machines,
  monitoring,
  panelsOf,
  promtool,
} from '../monitoring-files.ts'

assertNothingLeft(t)

t.test('promtool finds nothing wrong, and each alert fires when it should and not before', async (t) => {
  t.match(await promtool(['check', 'config', `${monitoring}/prometheus.yml`]), /SUCCESS/)
  t.match(await promtool(['test', 'rules', `${monitoring}/alerts.test.yml`]), /SUCCESS/)
  const tested = readFileSync(`${monitoring}/alerts.test.yml`, 'utf8')
  for (const name of alertNames) t.ok(tested.includes(`  - name: ${name}\n`), `${name} is tested`)

  // As exporters.yml puts it together.
  const folder = privateFolder(t, 'exporters')
  for (const name of ['prometheus', 'alerts', 'alertmanagers'])
    cpSync(`${monitoring}/${name}.yml`, join(folder, `${name}.yml`))
  cpSync(`${monitoring}/exporters/alerts.yml`, join(folder, 'exporters.yml'))
  const jobs = ['scrape', 'scrape-nginx'].map((name) => `${monitoring}/exporters/${name}.yml`)
  const { stdout } = await promisify(execFile)(`${monitoring}/exporters/merge`, [folder, ...jobs])
  writeFileSync(join(folder, 'merged.yml'), stdout)
  const checked = await promtool(['check', 'config', join(folder, 'merged.yml')])
  t.match(checked, /2 rule files found/)
  t.notMatch(checked, /WARNING/)
  const jobNames = [...stdout.matchAll(/job_name: (\S+)/g)].map(([, name]) => name)
  t.same(jobNames.slice(-4), ['prometheus', 'postgres', 'node', 'nginx'])
  t.match(await promtool(['test', 'rules', `${monitoring}/exporters/alerts.test.yml`]), /SUCCESS/)
  const testedRules = readFileSync(`${monitoring}/exporters/alerts.test.yml`, 'utf8')
  for (const name of exporterAlertNames) t.ok(testedRules.includes(`  - name: ${name}\n`), name)
})

t.test('docs/operations.md has a paragraph on each alert, and the alert leads to it', async (t) => {
  const page = readFileSync(`${monitoring}/../docs/operations.md`, 'utf8')
  const explained = [...page.matchAll(/^### (Rabble\w+)\n\n(?=\S)/gm)].map(([, name]) => name)
  const names = [...alertNames, ...exporterAlertNames]
  t.same(explained, names)
  for (const name of names) {
    const url = `runbook_url: docs/operations.md#${name.toLowerCase()}\n`
    t.ok((alertRules + exporterRules).includes(url), name)
  }
})

t.test('each panel has a place of its own, a unit, a source and says what it shows', async (t) => {
  t.not(dashboard.uid, machines.uid)
  for (const board of [dashboard, machines]) {
    t.equal(new Set(board.panels.map(({ id }) => id)).size, board.panels.length, 'ids are unique')
    for (const { title, description, fieldConfig, datasource } of panelsOf(board)) {
      t.ok(description && fieldConfig?.defaults.unit, title)
      t.same(datasource, { type: 'prometheus', uid: 'prometheus' }, title)
    }
  }
})

t.test('each variable narrows panels, and no panel asks for an unknown one', async (t) => {
  for (const board of [dashboard, machines]) {
    const expressions = panelsOf(board).flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    const used = expressions.flatMap((expr) => [...expr.matchAll(/\$(?!__)(\w+)/g)].map(([, name]) => name))
    const known = board.templating.list.map(({ name }) => name)
    t.same([...new Set(used)].sort(), known.sort())
  }
})
