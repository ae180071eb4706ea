import { settings } from '../src/settings.ts'

/** Returns the settings as the table of docs/operations.md. */
export function settingsTable(): string[][] {
  const rows = Object.entries(settings).map(([name, setting]) => {
    const standard = 'default' in setting && setting.default !== '' ? `\`${setting.default}\`` : ''
    return [`\`${name}\``, standard, rule(setting.schema), setting.about]
  })
  return [['variable', 'default', 'rule', 'meaning'], ...rows]
}

function rule(schema: object): string {
  const { minimum, maximum, minLength, pattern, enum: values } = schema as Record<string, unknown>
  if (Array.isArray(values)) return values.map((value) => `\`${value}\``).join(', ')
  if (pattern instanceof RegExp) return `\`${pattern.source.replaceAll('\\/', '/')}\``
  if (minLength !== undefined) return `at least ${minLength} characters`
  if (maximum !== undefined) return `${minimum} to ${maximum}`
  return minimum === undefined ? '' : `at least ${minimum}`
}
