import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Path of the repository, seen from test/system/dist/test. */
const repository = fileURLToPath(new URL('../../../../', import.meta.url))

/** Path of the folder with what Prometheus and Grafana read. */
export const monitoring = `${repository}monitoring`

export interface Panel {
  id: number
  type: string
  title: string
  description?: string
  datasource?: { type: string; uid: string }
  fieldConfig?: { defaults: { unit?: string } }
  targets?: { expr: string }[]
}

export interface Dashboard {
  uid: string
  panels: Panel[]
  templating: { list: { name: string; query: string }[] }
}

function readDashboard(name: string): Dashboard {
  return JSON.parse(readFileSync(`${monitoring}/grafana/dashboards/${name}.json`, 'utf8'))
}

export const dashboard = readDashboard('rabble')
/** That of the exporters, which no test has. */
export const machines = readDashboard('machines')
export const panelsOf = ({ panels }: Dashboard) => panels.filter(({ type }) => type !== 'row')

const namesIn = (rules: string) => [...rules.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name]) => name ?? '')
/** Rules of the alerts, and the names of these. */
export const alertRules = readFileSync(`${monitoring}/alerts.yml`, 'utf8')
export const alertNames = namesIn(alertRules)
/** The same for the exporters. */
export const exporterRules = readFileSync(`${monitoring}/exporters/alerts.yml`, 'utf8')
export const exporterAlertNames = namesIn(exporterRules)

/** Runs promtool on `input`, and returns its output. @throws Error with the output if it found a problem */
export async function promtool(args: readonly string[], input = ''): Promise<string> {
  // A quarter of its CPU time went into the garbage of the series that it tests.
  const running = promisify(execFile)('promtool', args, { env: { ...process.env, GOGC: '400' } })
  running.child.stdin?.end(input)
  const { stdout, stderr } = await running
  return stdout + stderr
}
