import { parseArgs } from 'node:util'
import type { TestContext } from '@rabble/harness'

/** An option of a benchmark: `--name value`. */
export interface Option {
  default: string
  /** Pattern of valid values. */
  rule: RegExp
  help: string
}

export interface Bench<Name extends string> {
  name: string
  /** Description of the measurement, for `--help`. */
  help: string
  options: Readonly<Record<Name, Option>>
  /** Runs the benchmark. `t` is a test context for the harness. The result is printed last, as one line of JSON. */
  run(t: TestContext, values: Record<Name, string>): Promise<object>
}

/** Runs a benchmark from the command line, and then the teardowns. */
export async function runBench<Name extends string>(bench: Bench<Name>): Promise<void> {
  const values = read(bench, process.argv.slice(2))
  if (values === undefined) return
  const teardowns: (() => unknown)[] = []
  let passing = false
  try {
    const result = await bench.run(
      {
        name: bench.name,
        teardown: (work) => teardowns.push(work),
        comment: (message) => print(message),
        passing: () => passing,
      },
      values,
    )
    passing = true
    print(JSON.stringify({ bench: bench.name, ...result }))
  } finally {
    for (const work of teardowns.reverse()) await work()
  }
}

/** Prints one or several lines. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Returns the options, or undefined if there is nothing to run. */
function read<Name extends string>(
  bench: Bench<Name>,
  args: readonly string[],
): Record<Name, string> | undefined {
  const names = Object.keys(bench.options) as Name[]
  const known = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
  try {
    const { values } = parseArgs({ args: [...args], options: { ...known, help: { type: 'boolean' } } })
    if (values.help === true) {
      print(usage(bench))
      return undefined
    }
    const given = values as Partial<Record<Name, string>>
    return Object.fromEntries(
      names.map((name) => [name, checked(name, bench.options[name], given[name])]),
    ) as Record<Name, string>
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage(bench)}\n`)
    process.exitCode = 1
    return undefined
  }
}

function checked(name: string, option: Option, given: string | undefined): string {
  const value = given ?? option.default
  if (!option.rule.test(value)) throw new Error(`--${name} ${value}: must be like ${option.rule.source}`)
  return value
}

function usage({ name, help, options }: Bench<string>): string {
  const lines = Object.entries(options).map(
    ([option, { help, default: value }]) => `  --${option.padEnd(10)} ${help} (${value})`,
  )
  return [`${name}: ${help}`, '', ...lines].join('\n')
}
