import { type ParseArgsConfig, parseArgs } from 'node:util'

/** Prints a line for people. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Ends the program because of how it was called. */
export function fail(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

type Options = NonNullable<ParseArgsConfig['options']>
type Values<Known extends Options> = ReturnType<typeof parseArgs<{ options: Known }>>['values']

/** Returns the options that the program was called with. Prints the help and ends the program if that was asked for, or one is unknown. */
export function readOptions<Known extends Options>(options: Known, help: string): Values<Known> {
  if (process.argv.slice(2).includes('--help')) {
    print(help)
    process.exit(0)
  }
  try {
    return parseArgs<{ options: Known }>({ options }).values
  } catch (error) {
    return fail(`${(error as Error).message}\n\n${help}`)
  }
}

/** Returns the value of an option that is a whole number from 1 to `most`. */
export function wholeNumber(name: string, value: string, most: number): number {
  const number = Number(value)
  if (Number.isInteger(number) && number > 0 && number <= most) return number
  return fail(`--${name} must be a whole number from 1 to ${most}, and is ${JSON.stringify(value)}`)
}

/** Returns a signal that is aborted when the program is asked to end. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      print('stops; a moment')
      stop.abort()
    })
  }
  return stop.signal
}

/** Prints the result, and ends the program. */
export function end(ok: boolean): never {
  print(ok ? 'all is well' : 'NOT all is well')
  process.exit(ok ? 0 : 1)
}
