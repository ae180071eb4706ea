import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Schema } from '../src/schemas.ts'

/** Returns why a value does not have a schema, or undefined. */
export type Checker = (schema: Schema, value: unknown) => string | undefined

/** Creates a checker for the schemas of a document, by another library than that of the services. */
export function createChecker({ components }: { components: { schemas: Record<string, Schema> } }): Checker {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  return (schema, value) => {
    const whole = { ...schema, components }
    return ajv.validate(whole, value) ? undefined : ajv.errorsText()
  }
}
