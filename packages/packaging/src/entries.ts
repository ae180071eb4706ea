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
  peerDependencies?: Record<string, string>
  /** File for a `<script>`, in the package. Default: none. */
  unpkg?: string
  [field: string]: unknown
}

/** A package as it is in the repository. */
export interface OwnPackage {
  /** Path of its folder in the repository, such as `packages/client`. */
  directory: string
  manifest: OwnManifest
  /** The `exports` of the workspace are the only list of them. */
  entries: readonly Entry[]
}

export function readOwn(repository: string, directory: string): OwnPackage {
  const root = join(repository, directory)
  const manifest: OwnManifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const entries = Object.entries(manifest.exports).map(([key, { types, default: module }]) => ({
    key,
    name: key === '.' ? 'index' : key.slice('./'.length),
    module: join(root, module),
    types: join(root, types),
  }))
  return { directory, manifest, entries }
}

/** Returns whether an import stays one in the package: of a peer dependency, or of a part of one, such as `react/jsx-runtime`. */
export function isPeer({ manifest }: OwnPackage, name: string): boolean {
  return Object.keys(manifest.peerDependencies ?? {}).some(
    (peer) => name === peer || name.startsWith(`${peer}/`),
  )
}
