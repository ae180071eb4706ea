import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { type ManagedProcess, startProcess } from './managed-process.ts'
import { privateFolder } from './private-folder.ts'
import type { TestContext } from './test-context.ts'

/** Path of monitoring/, seen from test/harness/dist/src. */
const monitoring = fileURLToPath(new URL('../../../../monitoring/', import.meta.url))

export interface Prometheus extends ManagedProcess {
  readonly port: number
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string
}

/**
 * Starts the machine's Prometheus with the project's configuration and alerts. Two things differ: it scrapes every second,
 * and `targets` gives the ports of each job on 127.0.0.1 in place of names that only containers know, as `alertmanager` does for
 * the one that gets alerts.
 * @throws Error if the configuration has a job that is not in `targets`
 */
export async function startPrometheus(
  t: TestContext,
  targets: Readonly<Record<string, readonly number[]>>,
  { alertmanager }: { alertmanager?: number } = {},
): Promise<Prometheus> {
  const port = await freePort()
  const folder = privateFolder(t, 'prometheus')
  const conf = join(folder, 'prometheus.yml')
  const written = readFileSync(join(monitoring, 'prometheus.yml'), 'utf8')
  writeFileSync(conf, configured(written, { prometheus: [port], ...targets }))
  if (alertmanager !== undefined) {
    writeFileSync(join(folder, 'alertmanagers.yml'), `[{ targets: ['127.0.0.1:${alertmanager}'] }]\n`)
  }
  const url = `http://127.0.0.1:${port}`
  const prometheus = await startProcess(t, {
    name: 'prometheus',
    command: 'prometheus',
    args: [
      `--config.file=${conf}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    env: {},
    isReady: async () => (await fetch(`${url}/-/ready`)).ok,
  })
  return Object.assign(prometheus, { port, url })
}

/** Returns the text of monitoring/prometheus.yml, changed for processes of this machine. */
function configured(text: string, targets: Readonly<Record<string, readonly number[]>>): string {
  let job = ''
  const lines = text.split('\n').map((line) => {
    job = /^ *- job_name: (\S+)$/.exec(line)?.[1] ?? job
    if (!/^ *(dns_sd|static)_configs:/.test(line)) return line
    const ports = targets[job]
    if (ports === undefined)
      throw new Error(`no ports are given for the job ${job} of monitoring/prometheus.yml`)
    return `    static_configs: [{ targets: [${ports.map((port) => `'127.0.0.1:${port}'`).join(', ')}] }]`
  })
  return lines
    .join('\n')
    .replace(/^( *(?:scrape|evaluation)_interval): .*/gm, '$1: 1s')
    .replace(/^rule_files: .*/m, `rule_files: ['${join(monitoring, 'alerts.yml')}']`)
}
