import { readFileSync } from 'node:fs'
import { Value } from '@rabble/contract/typebox'
import { type SettingName, type Settings, secretSettings, settings } from './settings.ts'

/** Problems of the environment: one line for each variable. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/**
 * Returns the values of `names` from `env`, converted and checked. An empty variable counts as absent.
 * @throws SettingsError that names each variable with the rule it breaks (never the value of a secret)
 */
export function readSettings<Names extends SettingName, Required extends Names = never>(
  env: Record<string, string | undefined>,
  names: readonly Names[],
  required: readonly Required[] = [],
): Settings<Names, Required> {
  const problems: string[] = []
  const result: Record<string, unknown> = {}
  for (const name of names) {
    const setting = settings[name]
    const { schema } = setting
    const secret = (secretSettings as readonly string[]).includes(name)
    const raw = secret ? readSecret(env, name, problems) : env[name]
    if (raw === undefined || raw === '') {
      if ('default' in setting) result[name] = setting.default
      else if ((required as readonly string[]).includes(name))
        problems.push(`${name} is required: ${setting.about}`)
      continue
    }
    const value = Value.Convert(schema, raw)
    const [error] = Value.Errors(schema, value)
    const broken = error !== undefined ? rule(error) : 'broken' in setting ? setting.broken(raw) : undefined
    if (broken === undefined) result[name] = value
    else problems.push(`${name} ${broken}${secret ? '' : `, but is ${JSON.stringify(raw)}`}`)
  }
  if (problems.length > 0) throw new SettingsError(problems.join('\n'))
  return result as Settings<Names, Required>
}

/** Returns variables that look like Rabble's and are unknown: most likely a typing error worth a warning. */
export function unknownSettings(env: Record<string, string | undefined>): string[] {
  const known = new Set<string>([...Object.keys(settings), ...secretSettings.map((name) => `${name}_FILE`)])
  return Object.keys(env).filter((name) => name.startsWith('RABBLE_') && !known.has(name))
}

function readSecret(
  env: Record<string, string | undefined>,
  name: string,
  problems: string[],
): string | undefined {
  const file = env[`${name}_FILE`]
  if (file === undefined || file === '') return env[name]
  if (env[name]) problems.push(`${name} and ${name}_FILE must not both be set`)
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    problems.push(`${name}_FILE must name a readable file: ${(error as Error).message}`)
    return undefined
  }
}

function rule(error: { keyword: string; message: string; params: object }): string {
  if (error.keyword === 'enum' && 'allowedValues' in error.params) {
    return `must be one of ${(error.params.allowedValues as string[]).join(', ')}`
  }
  return error.message
}
