import { basename } from 'node:path'
import type { OwnManifest, OwnPackage } from './entries.ts'

/** URL of the repository on GitHub, and the version's tag. */
export interface Origin {
  url: string
  tag: string
}

/** Returns where the package comes from, as a workflow of GitHub knows it; undefined elsewhere. */
export function originOf({ version }: OwnManifest, env: NodeJS.ProcessEnv): Origin | undefined {
  const { GITHUB_SERVER_URL = 'https://github.com', GITHUB_REPOSITORY: repository } = env
  return repository ? { url: `${GITHUB_SERVER_URL}/${repository}`, tag: `v${version}` } : undefined
}

/**
 * Returns the package.json of the package. It is not that of the workspace, since npm has no `exports` for packing alone: within the
 * repository an entry is a compiled module and its declarations, so that the compiler and debuggers lead to the sources.
 */
export function packedManifest(own: OwnPackage, origin: Origin | undefined): object {
  const { directory, manifest, entries } = own
  const { name, version, description, keywords, license, type, sideEffects, engines, unpkg } = manifest
  const exports = Object.fromEntries(
    entries.map(({ key, name }) => [
      key,
      {
        import: { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
        require: { types: `./dist/${name}.d.cts`, default: `./dist/${name}.cjs` },
      },
    ]),
  )
  const main = entries.find(({ key }) => key === '.')
  return {
    name,
    version,
    description,
    keywords,
    license,
    ...(origin && {
      homepage: `${origin.url}/blob/${origin.tag}/docs/${basename(directory)}.md`,
      bugs: `${origin.url}/issues`,
      repository: { type: 'git', url: `git+${origin.url}.git`, directory },
    }),
    type,
    sideEffects,
    engines,
    peerDependencies: peersOf(manifest),
    exports: { ...exports, './package.json': './package.json' },
    // For tools that are older than `exports`, and for the addresses of two CDNs.
    main: `./dist/${main?.name}.cjs`,
    module: `./dist/${main?.name}.js`,
    types: `./dist/${main?.name}.d.cts`,
    unpkg,
    jsdelivr: unpkg,
    files: ['dist', 'CHANGELOG.md'],
    publishConfig: { access: 'public', provenance: true },
  }
}

/** Returns the peer dependencies. Packages of this repository have one version, and go with all that are compatible with it. */
function peersOf({ peerDependencies, version }: OwnManifest): Record<string, string> | undefined {
  if (peerDependencies === undefined) return undefined
  const ranges = Object.entries(peerDependencies).map(([name, range]) => [
    name,
    name.startsWith('@rabble/') ? `^${version}` : range,
  ])
  return Object.fromEntries(ranges)
}

/** Makes the relative links of a page of the repository absolute, since the files that they name are not in the package. */
export function withAbsoluteLinks(page: string, folder: string, origin: Origin | undefined): string {
  if (!origin) return page
  const base = new URL(`${origin.url}/blob/${origin.tag}/${folder}`)
  return page.replace(
    /(\]\()(?![a-z][a-z+.-]*:|#)([^)\s]+)/gi,
    (_, before, path) => before + new URL(path, base).href,
  )
}
