/** Environment variable with the options of Node for the services of a test, separated by spaces. Default: none, as for benchmarks. */
export const nodeOptionsVariable = 'RABBLE_TEST_NODE_OPTIONS'

/**
 * Options for processes that live for seconds. V8 optimizes JavaScript after it has run 15 times as much as usual, and WebAssembly, that
 * of PGlite, not at all: most of this would be done just before a test ends. It saves a sixth of the CPU time of test files and
 * services, and a third of that of the single process.
 */
export const shortLived = ['--interrupt-budget=1000000', '--liftoff-only']

export function nodeOptions(): string[] {
  return (process.env[nodeOptionsVariable] ?? '').split(' ').filter((option) => option !== '')
}
