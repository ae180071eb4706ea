import type { Entry, OwnManifest } from './entries.ts'

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
export function packedManifest(
  own: OwnManifest,
  entries: readonly Entry[],
  origin: Origin | undefined,
): object {
  const { name, version, description, keywords, license, type, sideEffects, engines } = own
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
      homepage: `${origin.url}/blob/${origin.tag}/docs/client.md`,
      bugs: `${origin.url}/issues`,
      repository: { type: 'git', url: `git+${origin.url}.git`, directory: 'packages/client' },
    }),
    type,
    sideEffects,
    engines,
    exports: { ...exports, './package.json': './package.json' },
    // For tools that are older than `exports`, and for the addresses of two CDNs.
    main: `./dist/${main?.name}.cjs`,
    module: `./dist/${main?.name}.js`,
    types: `./dist/${main?.name}.d.cts`,
    unpkg: './dist/rabble.min.js',
    jsdelivr: './dist/rabble.min.js',
    files: ['dist', 'CHANGELOG.md'],
    publishConfig: { access: 'public', provenance: true },
  }
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
