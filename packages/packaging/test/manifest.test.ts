import t from 'tap'
import { originOf, packedManifest, withAbsoluteLinks } from '../src/manifest.ts'

const manifest = {
  name: '@rabble/react',
  version: '1.2.3',
  exports: {},
  peerDependencies: { '@rabble/client': '1.2.3', react: '>=18' },
}
const own = { directory: 'packages/react', manifest, entries: [] }
const origin = originOf(manifest, { GITHUB_REPOSITORY: 'ada/rabble' })

t.test(
  'a package that a workflow makes names its repository, which npm compares with the provenance',
  async (t) => {
    const repository = { url: 'git+https://github.com/ada/rabble.git', directory: 'packages/react' }
    t.match(packedManifest(own, origin), { repository, bugs: 'https://github.com/ada/rabble/issues' })
    t.equal(originOf(manifest, {}), undefined)
    t.notMatch(packedManifest(own, undefined), { repository: Object })
  },
)

t.test('links of its pages lead to the files of the tag', async (t) => {
  const page = '[a](../../docs/client.md#rooms) [b](src/chat.ts) [c](https://example.org/) [d](#here)'
  const tag = 'https://github.com/ada/rabble/blob/v1.2.3'
  t.equal(
    withAbsoluteLinks(page, 'packages/client/', origin),
    `[a](${tag}/docs/client.md#rooms) [b](${tag}/packages/client/src/chat.ts) [c](https://example.org/) [d](#here)`,
  )
  t.equal(withAbsoluteLinks(page, 'packages/client/', undefined), page)
})

t.test('a peer dependency on a package of the repository takes all compatible versions', async (t) => {
  const peerDependencies = { '@rabble/client': '^1.2.3', react: '>=18' }
  t.match(packedManifest(own, origin), { peerDependencies })
})
