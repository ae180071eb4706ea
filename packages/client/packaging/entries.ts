import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Module that programs import by a name of its own, such as `@rabble/client`. */
export interface Entry {
  /** Its key in `exports`, such as `.` or `./rooms`. */
  key: string
  /** Name of its files in the package, such as `index`. */
  name: string
  /** Path of the compiled module. */
  module: string
  /** Path of the compiled declarations. */
  types: string
}

/** Fields of the package.json of the workspace that the packaging reads. */
export interface OwnManifest {
  name: string
  version: string
  exports: Record<string, { types: string; default: string }>
  [field: string]: unknown
}

export function readManifest(root: string): OwnManifest {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
}

/** Returns the entries of the package: the `exports` of the workspace are the only list of them. */
export function entriesOf(root: string, { exports }: OwnManifest): Entry[] {
  return Object.entries(exports).map(([key, { types, default: module }]) => ({
    key,
    name: key === '.' ? 'index' : key.slice('./'.length),
    module: join(root, module),
    types: join(root, types),
  }))
}
